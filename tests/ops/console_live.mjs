// The floor as it happens: a demotion arrives without a reload, and a connection that was lost is found again.
import { spawn } from "node:child_process";
import { go, hasNo, REBOUND, sees, shown, signIn } from "./console_browser.mjs";
import { check, Daemon, Failed, until } from "./console_daemon.mjs";
import { CONFIGURATION, OWNER } from "./console_house.mjs";
import { options } from "./console_packages.mjs";

// Far above what is measured (see the printed figure), far below the 15 s after which a page is drawn anew anyway.
const LATE_MS = 3_000;

// Notes in the page when it shows another mode of a workflow; gives what it showed before.
const NOTE = (workflow) => {
  window.stays = true;
  window.seen = 0;
  const shows = () => document.querySelector(`[data-workflow="${workflow}"] [data-mode]`)?.textContent;
  const before = shows();
  const observer = new MutationObserver(() => {
    if (shows() === before) return;
    window.seen = performance.timeOrigin + performance.now();
    observer.disconnect();
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  return before;
};

// Watches a workflow on an open page and, from outside of the browser, in the API. What it gives waits for both to say
// another mode, and says how many milliseconds later than the API the page did; both clocks are this machine's.
export async function watch({ daemon }, page, workflow) {
  const before = await page.evaluate(NOTE, workflow);
  const api = until(`${workflow} is no longer in ${before}`, async () => await daemon.mode(workflow) !== before && performance.timeOrigin + performance.now(), { pauseMs: 1 });
  api.catch(() => null);
  return async () => {
    const known = await api;
    const seen = await until(`the page shows that ${workflow} is no longer in ${before}`, () => page.evaluate(() => window.seen));
    check(await page.evaluate(() => window.stays), "the page was loaded anew");
    check(seen - known < LATE_MS, `the page shows it ${seen - known} ms after the API`);
    return Math.round(seen - known);
  };
}

// Traffic that breaks after a while, by the command that people use.
function simulate(daemon, workflow) {
  const words = ["simulate", "--url", daemon.origin, "--workflow", workflow, "--scenario", "sudden-break", "--outputs", "400", "--rate", "200", "--change-at", "100"];
  const child = spawn(options.andon, words, { env: { ...process.env, ANDON_TOKEN: daemon.tokens.svc }, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => { said += text; });
  return new Promise((end, fail) => child.once("exit", (code) => code === 0 ? end(said) : fail(new Failed(`andon simulate: ${said}`))));
}

export async function live(house) {
  const { browser, daemon, say } = house;
  const page = await browser.person(daemon, "rita");
  await sees(page, "#live", /^live$/);
  check(await shown(page, "mail") === "automate", `mail begins in ${await shown(page, "mail")}`);
  const delay = await watch(house, page, "mail");
  const [ms] = await Promise.all([delay(), simulate(daemon, "mail")]);
  say(`a demotion stands on the floor ${ms} ms after the API says it`);
  await sees(page, "#said[role=status]", /^mail: (automate|delegate|collaborate) → \w+\. exceptions: /);
  await sees(page, '[data-workflow="mail"].alarm .because', "exceptions breached");
  check(await page.evaluate(() => window.stays), "the page was loaded anew");
  // What people wrote is text, on the page and in what was drawn anew.
  await sees(page, ".owner", OWNER);
  await hasNo(page, "[onmouseover]");
  const { reason } = await daemon.ok("svc", "GET", "/v1/workflows/mail/mode");
  await page.getByRole("link", { name: "mail", exact: true }).click();
  await sees(page, "section p", `Why: ${reason}`);
  await page.locator(".notice.bad a").first().click();
  await sees(page, "h1", "mail-1");
  for (const text of ["Evidence", "Bound in automate", "Changed about"]) await sees(page, ".facts dt", text);
  await sees(page, "#part p", "Runbook: https://wiki.example.com/mail");
  await sees(page, "#part p", "Rollback: go back to prompt 7");
  await browser.forget(page);
}

// Without tokens nobody has to sign in again: the page finds back by itself.
async function findsBack({ browser, say, daemons }) {
  const daemon = await Daemon.with("open", CONFIGURATION, []);
  daemons.push(daemon);
  const page = await browser.stranger(daemon, { also: [`http://${REBOUND}:${daemon.port}`] });
  await page.goto("/");
  await sees(page, "#live", /^live$/);
  await page.evaluate(() => { window.stays = true; });
  check(await shown(page, "quiet") === "automate", "quiet begins elsewhere");
  await daemon.cut();
  await sees(page, "#live.off", "not live");
  // The page must not be back before something has happened.
  await page.context().setOffline(true);
  await daemon.start();
  await daemon.ok("", "POST", "/v1/workflows/quiet/mode", { mode: "collaborate", reason: "while nobody could listen" });
  check(await shown(page, "quiet") === "automate", "a page without a connection shows what happened");
  await sees(page, "#live.off", "not live");
  const since = performance.now();
  await page.context().setOffline(false);
  await sees(page, "#live:not(.off)", /^live$/);
  await sees(page, '[data-workflow="quiet"] [data-mode]', "collaborate");
  say(`a page is live again, and shows what it missed, ${Math.round(performance.now() - since)} ms after its connection is back`);
  await sees(page, "#said", "quiet: automate → collaborate. while nobody could listen");
  check(await page.evaluate(() => window.stays), "the page was loaded anew");
  await go(page, "/workflows/quiet");
  await sees(page, ".timeline li", "while nobody could listen");
  // A foreign name that leads to this machine sees nothing of a console that asks nobody who they are.
  const answer = await page.goto(`http://${REBOUND}:${daemon.port}/`);
  check(answer.status() === 403, `under a foreign name the console answers ${answer.status()}`);
  await sees(page, "[role=alert]", "under a name of this machine only");
  await browser.forget(page);
}

// With tokens a restart signs everybody out: the page says so by itself, and after the sign-in it shows what happened.
async function signsInAgain({ browser, daemon, say }) {
  const page = await browser.person(daemon, "rita", "/?search=quiet");
  await sees(page, "#live", /^live$/);
  await daemon.cut();
  await sees(page, "#live.off", "not live");
  const since = performance.now();
  await daemon.start();
  await daemon.ok("ann", "POST", "/v1/workflows/quiet/mode", { mode: "collaborate", reason: "after the restart" });
  await page.waitForURL("**/sign-in?next=*", { timeout: 25_000 });
  say(`after a restart a page asks for a sign-in by itself in ${Math.round(performance.now() - since)} ms`);
  await signIn(page, daemon.tokens.rita);
  check(page.url() === `${daemon.origin}/?search=quiet`, `after it, it goes on at ${page.url()}`);
  await sees(page, '[data-workflow="quiet"] [data-mode]', "collaborate");
  await sees(page, "#live", /^live$/);
  await browser.forget(page);
}

export async function lost(house) {
  await findsBack(house);
  await signsInAgain(house);
}
