// The house that the tests of the console live in: its configuration, and what happened in it before they begin.
// Its gate asks for little, so that a promotion can be had in seconds.

// A name that would do harm where a page forgot to escape it.
export const OWNER = "<b onmouseover=alert(1)>&\"'";
export const LONG = `a-workflow-${"with-a-long-name-".repeat(3)}ab`;

const workflow = (id, more = "") => `
[[workflow]]
id = "${id}"
owner = "support"
${more}
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = { collaborate = 0.30, delegate = 0.10, automate = 0.05 }
  block = 1
`;

export const CONFIGURATION = `
[gate]
outputs = 40
days = 0
time_in_mode = "0s"
quiet = "0s"
ran_in_mode = 0
spread = 0.3
probation_outputs = 10
approvals = ["board", "board"]
[readiness]
base = []
builder = ["runbook"]
beneficiary = []
lab = ["stop-rule"]
[storm]
workflows_min = 100
[[base]]
id = "guide"
owner = "brand"
version = "1"
${workflow("mail", 'start_mode = "automate"\nrunbook = "https://wiki.example.com/mail"\nrollback = "go back to prompt 7"')}
  [[workflow.guard]]
  signal = "latency"
  limit_ms = 5000
  baseline = { outputs = 500 }
  tolerance = 0.02
${workflow("climb", 'base = ["guide"]')}
${workflow("offers", 'start_mode = "delegate"')}
${workflow("free", 'start_mode = "delegate"')}
${workflow("quiet", 'start_mode = "automate"')}
${workflow(LONG, `start_mode = "collaborate"`).replace("support", OWNER.replaceAll("\\", "\\\\").replaceAll('"', '\\"'))}
${workflow("replies", 'track = "lab"')}
  [[workflow.hypothesis]]
  id = "tone-guide"
  question = "Do ten samples of the guide keep replies in tone?"
  owner = "lee"
  goals = ["which samples matter"]
  exit = ["200 judged by two people"]
`;

// Some outputs of each workflow.
export async function fill(daemon) {
  for (const id of ["climb", "mail", "replies", LONG]) {
    await daemon.outputs(id, 60, { model: "m-1", cost: "0.01", value: "0.20", attributes: { locale: "de" } });
  }
  await daemon.outputs("replies", 4, { outcome: "exception", exception: "wrong_tone" });
}
