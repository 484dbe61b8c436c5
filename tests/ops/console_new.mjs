// A floor to which nothing has come yet: it says what to send, and that works as it stands there.
import { execFileSync } from "node:child_process";
import { go, sees, send } from "./console_browser.mjs";
import { check, Daemon, until } from "./console_daemon.mjs";
import { look } from "./console_pages.mjs";

const CONFIGURATION = `
[[workflow]]
id = "first-steps"
[[workflow]]
id = "second-steps"
`;
// The page draws itself anew every 15 s; where nothing has come it looks more often.
const SOON_MS = 5_000;

export async function empty({ browser, daemons, say }) {
  const daemon = await Daemon.with("new", CONFIGURATION);
  daemons.push(daemon);
  const page = await browser.person(daemon, "boss");
  check(await page.getByRole("link", { name: "Run a simulation from here" }).getAttribute("href") === "/act/simulate", "the button of an empty floor leads elsewhere");
  const wrong = await look(page, "/");
  check(wrong.length === 0, wrong.join("\n"));
  await sees(page, "#new", "Nothing has come yet");
  const [curl, simulate] = await page.locator("pre code").allInnerTexts();
  check(curl.includes(`${daemon.origin}/v1/events`) && curl.includes("$ANDON_TOKEN"), `the page says: ${curl}`);
  const env = { ...process.env, ANDON_TOKEN: daemon.tokens.svc };
  const answer = execFileSync("bash", ["-c", curl], { env, encoding: "utf8", timeout: 10_000 });
  check(JSON.parse(answer).accepted === 1, `the line of the page answers: ${answer}`);
  const since = performance.now();
  await sees(page, '[data-workflow="first-steps"].running .counts', /1 h: 1 outputs?, 0 % exceptions/);
  const ms = performance.now() - since;
  say(`the first output stands on an empty floor after ${Math.round(ms)} ms`);
  check(await page.locator("#new").count() === 0, "the page still says that nothing has come");
  check(ms < SOON_MS, `"this page shows it at once": after ${Math.round(ms)} ms`);
  // The other line is begun by a button.
  check(simulate === `andon simulate --url ${daemon.origin} --workflow first-steps`, `the page says: ${simulate}`);
  await go(page, "/act/simulate");
  await sees(page, "#consequence", "They stay in the journal and count like real ones");
  check((await page.locator("select[name=workflow] option").allInnerTexts()).join() === "second-steps", "a workflow at work is offered for a simulation");
  await send(page, { workflow: "second-steps" });
  await sees(page, ".notice.good[role=status]", "The simulation runs.");
  await until("outputs of the simulation", async () => {
    await go(page, "/?search=second-steps");
    return page.locator('[data-workflow="second-steps"].running').isVisible();
  });
  await browser.forget(page);
}
