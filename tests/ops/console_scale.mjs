// A house of 1,000 workflows: how large and how slow its pages are. Sizes are those of the HTML without compression;
// times are those of the daemon's answers on loopback.
import { go, sees } from "./console_browser.mjs";
import { check, Daemon, until } from "./console_daemon.mjs";
import { options } from "./console_packages.mjs";

const WORKFLOWS = 1_000;
const OUTPUTS = 20;
const BYTES_MAX = 100_000;
const LOADS = 10;

const id = (number) => `workflow-${String(number).padStart(4, "0")}`;
// Of forty workflows one fails: as many incidents as a bad day has.
const fails = (number) => number % 40 === 0;

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
  const one = (_, at) => `[[workflow]]\nid = "${id(at + 1)}"\nowner = "team-${at % 20}"\nstart_mode = "automate"\n${guards}`;
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

async function measured(daemon, cookie, path) {
  const times = [];
  let size = 0;
  for (let load = 0; load < LOADS; load += 1) {
    const since = performance.now();
    const answer = await fetch(daemon.origin + path, { headers: { cookie, "accept-encoding": "identity" } });
    const text = await answer.text();
    times.push(performance.now() - since);
    check(answer.status === 200, `${path} answers ${answer.status}`);
    size = Buffer.byteLength(text);
  }
  times.sort((a, b) => a - b);
  return { path, size, ms: (times[LOADS / 2 - 1] + times[LOADS / 2]) / 2 };
}

export async function scale({ browser, daemons, say }) {
  const daemon = await Daemon.with("scale", configuration());
  daemons.push(daemon);
  const since = performance.now();
  await fill(daemon);
  say(`${WORKFLOWS} workflows with 3 guards and ${OUTPUTS} outputs each, sent in ${((performance.now() - since) / 1_000).toFixed(1)} s`);
  const { incidents } = await until("incidents", async () => {
    const all = await daemon.ok("boss", "GET", "/v1/incidents?limit=1000");
    return all.incidents.length > 0 ? all : null;
  });
  const page = await browser.person(daemon, "boss");
  await sees(page, ".sum", "1000 workflows");
  const paths = ["/", "/?page=2", "/?page=21", "/?search=workflow-05", "/?light=running", "/workflows/workflow-0007", `/workflows/${id(40)}`, "/workflows/workflow-0007/gate",
    "/gate", "/incidents", "/incidents?status=all", `/incidents/${incidents[0].id}`, "/ledger", "/ledger?workflow=workflow-0040", "/reports", "/policy"];
  for (const path of ["/", "/?search=workflow-05", "/workflows/workflow-0007"]) await go(page, path);
  const cookies = await page.context().cookies();
  const cookie = cookies.map((one) => `${one.name}=${one.value}`).join("; ");
  const figures = [];
  for (const path of paths) figures.push(await measured(daemon, cookie, path));
  for (const { path, size, ms } of figures) say(`${path}: ${(size / 1_000).toFixed(1)} kB, median of ${LOADS} loads ${ms.toFixed(0)} ms`);
  const large = figures.filter((one) => one.size >= BYTES_MAX);
  check(large.length === 0, `larger than ${BYTES_MAX} bytes: ${large.map((one) => `${one.path} ${one.size}`).join(", ")}`);
  const slow = figures.filter((one) => one.ms >= options.barMs);
  check(slow.length === 0, `slower than ${options.barMs} ms: ${slow.map((one) => `${one.path} ${one.ms.toFixed(0)} ms`).join(", ")}`);
  await browser.forget(page);
}
