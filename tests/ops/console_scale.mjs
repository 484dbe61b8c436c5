// A house of 1,000 workflows: how large and how slow its pages are. Sizes are those of the HTML without compression;
// times are those of the daemon's answers on loopback.
import { go, sees } from "./console_browser.mjs";
import { check, Daemon, until } from "./console_daemon.mjs";
import { options } from "./console_packages.mjs";

const WORKFLOWS = 1_000;
const OUTPUTS = 20;
const BYTES_MAX = 100_000;
const LOADS = 10;
// That wait for an approval at the same time.
const REQUESTS = 150;

// Names as long as they may be: a page must bear them.
const id = (number) => `workflow-${String(number).padStart(4, "0")}-${"with-a-name-as-long-as-it-may-be-".repeat(2)}`.slice(0, 64);
// Every fourth workflow fails: just not a storm, but more incidents than a page lists.
const fails = (number) => number % 4 === 0;

function configuration() {
  const guards = `  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.05
  block = 1
  [[workflow.guard]]
  signal = "latency"
  limit_ms = 3000
  bound = 0.05
  [[workflow.guard]]
  signal = "sla"
  limit_ms = 60000
  bound = 0.05
`;
  const one = (_, at) => `[[workflow]]\nid = "${id(at + 1)}"\nowner = "team ${at % 20}, which has a name that is as long as names of teams are"\nstart_mode = "automate"\n${guards}`;
  return `[budget]\noutputs_per_false_demotion = 10000\n${Array.from({ length: WORKFLOWS }, one).join("")}`;
}

async function fill(daemon) {
  for (let round = 0; round < OUTPUTS; round += 4) {
    const lines = [];
    for (let number = 1; number <= WORKFLOWS; number += 1) {
      for (let at = round; at < round + 4; at += 1) {
        lines.push(JSON.stringify({ id: `${number}-${at}`, workflow: id(number), outcome: fails(number) ? "exception" : "ok", latency_ms: 500 + at, sla_met: true, cost: "0.01" }));
      }
    }
    const answer = await daemon.ok("svc", "POST", "/v1/events", lines.join("\n"), "application/x-ndjson");
    check(answer.accepted === lines.length, `of ${lines.length} outputs ${answer.accepted} were taken`);
  }
}

async function measured(daemon, cookie, path, loads = LOADS) {
  const times = [];
  let size = 0;
  for (let load = 0; load < loads; load += 1) {
    const since = performance.now();
    const answer = await fetch(daemon.origin + path, { headers: { cookie, "accept-encoding": "identity" } });
    const text = await answer.text();
    times.push(performance.now() - since);
    check(answer.status === 200, `${path} answers ${answer.status}`);
    size = Buffer.byteLength(text);
  }
  times.sort((a, b) => a - b);
  return { path, size, loads, ms: (times[Math.ceil(loads / 2) - 1] + times[Math.floor(loads / 2)]) / 2 };
}

// What must not be lost among many: the page is asked where there are more incidents than it reads.
async function amongMany(daemon, page, incidents) {
  const [oldest] = incidents.slice(-1);
  await go(page, `/workflows/${oldest.workflow}`);
  check(await page.locator(".notice.bad", { hasText: oldest.id }).count() === 1, "its incident is not there");
  const newer = incidents.slice(0, 210);
  await Promise.all(newer.map(({ id }) => daemon.ok("boss", "POST", `/v1/incidents/${encodeURIComponent(id)}/resolve`, { note: "a bad morning" })));
  await go(page, "/incidents");
  const listed = await page.locator("tbody tr").count();
  check(listed === incidents.length - newer.length, `${listed} are listed`);
}

export async function scale(house) {
  const { browser, daemons, say } = house;
  const daemon = await Daemon.with("scale", configuration());
  daemons.push(daemon);
  const since = performance.now();
  await fill(daemon);
  say(`${WORKFLOWS} workflows with 3 guards and ${OUTPUTS} outputs each, sent in ${((performance.now() - since) / 1_000).toFixed(1)} s`);
  const { incidents } = await until("incidents", async () => {
    const all = await daemon.ok("boss", "GET", "/v1/incidents?limit=1000");
    return all.incidents.length > 0 ? all : null;
  });
  const lowered = Array.from({ length: REQUESTS }, (_, at) => id(4 * (at + 1)));
  const reason = "the customer's file was broken that morning, not the workflow";
  await Promise.all(lowered.map((workflow) => daemon.ok("boss", "POST", `/v1/workflows/${workflow}/annulments`, { reason })));
  const page = await browser.person(daemon, "boss");
  await sees(page, ".sum", "1000 workflows");
  const paths = ["/", "/?page=2", "/?page=21", "/?search=workflow-05", "/?light=running", `/workflows/${id(7)}`, `/workflows/${id(40)}`, `/workflows/${id(7)}/gate`,
    "/gate", "/incidents", "/incidents?status=all", `/incidents/${incidents[0].id}`, "/ledger", `/ledger?workflow=${id(40)}`, "/reports", "/reports/now", "/policy"];
  for (const path of ["/", "/?search=workflow-05", `/workflows/${id(7)}`]) await go(page, path);
  const cookies = await page.context().cookies();
  const cookie = cookies.map((one) => `${one.name}=${one.value}`).join("; ");
  const figures = [];
  for (const path of paths) figures.push(await measured(daemon, cookie, path));
  const short = (path) => path.replace(/(workflow-\d+)[^/]*/, "$1");
  for (const { path, size, ms, loads } of figures) say(`${short(path)}: ${(size / 1_000).toFixed(1)} kB, median of ${loads} loads ${ms.toFixed(0)} ms`);
  for (const { path, size } of figures) check(size < BYTES_MAX, `${path} is larger than ${BYTES_MAX} bytes: ${size}`);
  const slow = figures.filter((one) => one.ms >= options.barMs);
  check(slow.length === 0, `slower than ${options.barMs} ms: ${slow.map((one) => `${one.path} ${one.ms.toFixed(0)} ms`).join(", ")}`);
  await amongMany(daemon, page, incidents);
  await browser.forget(page);
}
