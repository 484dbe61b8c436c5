// A browser with people in it: each has a context of their own, with a watch on what its pages load and complain of.
// Owns sign-in, forms, and what is kept of a failure. Asserts what holds on every page: nothing is loaded from elsewhere,
// and no page breaks its own content security policy.
import fs from "node:fs";
import path from "node:path";
import { check, Failed } from "./console_daemon.mjs";
import { chromium, options } from "./console_packages.mjs";

const WAIT_MS = 15_000;
export const REBOUND = "rebound.example";
// Told to every page before its own scripts: a breach of the policy is known even where nothing is written about it.
const WATCH = `addEventListener("securitypolicyviolation", (event) =>
  console.error("securitypolicyviolation: " + event.violatedDirective + " " + event.blockedURI));`;

export class Browser {
  static async start() {
    const browser = new Browser();
    // Chromium's own sandbox refuses to run as root, which the container that runs this often is.
    const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
    // A name of somebody else's that leads to this machine, as in an attack by DNS rebinding.
    args.push(`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`);
    browser.chromium = await chromium.launch({ executablePath: options.chromium, args });
    browser.complaints = [];
    browser.origins = new Set();
    browser.requests = 0;
    browser.contexts = [];
    return browser;
  }

  // Somebody who isn't signed in, as a page.
  async stranger(daemon, settings = {}) {
    const { also = [], ...rest } = settings;
    const context = await this.chromium.newContext({ baseURL: daemon.origin, viewport: { width: 1280, height: 900 }, ...rest });
    context.setDefaultTimeout(WAIT_MS);
    this.contexts.push(context);
    await context.addInitScript(WATCH);
    if (options.assets) await this.#assets(context);
    const allowed = new Set([daemon.origin, ...also]);
    context.on("request", (request) => this.#request(request, allowed));
    context.on("console", (message) => {
      const url = message.page()?.url() ?? "";
      // Another site that frames the console is told that it may not: that is its complaint, not ours.
      if (also.some((origin) => url.startsWith(origin))) return;
      if (/content.?security.?policy|securitypolicyviolation/i.test(message.text())) this.complaints.push(`${url}: ${message.text()}`);
    });
    context.on("weberror", (wrong) => this.complaints.push(`${wrong.page()?.url()}: ${wrong.error().message}`));
    return context.newPage();
  }

  #request(request, allowed) {
    const url = new URL(request.url());
    this.requests += 1;
    if (url.protocol !== "data:" && !allowed.has(url.origin)) this.complaints.push(`a page asked ${url.origin} for something`);
  }

  // Files of a folder in the place of those that are parts of the program.
  async #assets(context) {
    for (const name of ["console.js", "console.css", "report.css"]) {
      const file = path.join(options.assets, name);
      if (fs.existsSync(file)) await context.route(`**/assets/*-${name}`, (route) => route.fulfill({ path: file }));
    }
  }

  // Somebody who is signed in, as a page; `path` is where they wanted to go.
  async person(daemon, name, path = "/", settings = {}) {
    const page = await this.stranger(daemon, settings);
    await page.goto(path);
    await signIn(page, daemon.tokens[name]);
    return page;
  }

  // Fails where anything that a page loaded or complained of was wrong.
  settle() {
    const wrong = this.complaints.splice(0);
    check(wrong.length === 0, `pages complained:\n${[...new Set(wrong)].join("\n")}`);
  }

  async forget(page) {
    const context = page.context();
    this.contexts = this.contexts.filter((other) => other !== context);
    await context.close();
  }

  // What every open page shows, for whoever looks at a failure.
  async keep(folder) {
    let number = 0;
    for (const page of this.contexts.flatMap((context) => context.pages())) {
      number += 1;
      const at = path.join(folder, `page-${number}`);
      const text = await page.locator("body").innerText({ timeout: 2_000 }).catch((wrong) => String(wrong));
      fs.writeFileSync(`${at}.txt`, `${page.url()}\n\n${text}\n`);
      await page.screenshot({ path: `${at}.png`, fullPage: true, timeout: 5_000 }).catch(() => null);
    }
  }

  async stop() {
    await this.chromium.close();
  }
}

export async function signIn(page, token) {
  await page.getByLabel("Access token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

// Goes to a page that must be there.
export async function go(page, to) {
  const answer = await page.goto(to);
  check(answer.status() === 200, `${to} answers ${answer.status()}`);
  return answer;
}

// Waits for a text; says what is there instead.
export async function sees(page, locator, text) {
  const found = page.locator(locator).filter({ hasText: text }).first();
  await found.waitFor().catch(async () => {
    const there = await page.locator(locator).allInnerTexts();
    throw new Failed(`on ${page.url()}, in ${locator}, not ${text}, but: ${there.join(" | ").slice(0, 600)}`);
  });
}

export async function hasNo(page, locator) {
  const there = await page.locator(locator).allInnerTexts();
  check(there.length === 0, `${page.url()} must not have ${locator}: ${there.join(" | ")}`);
}

// Fills an act's form in and sends it; what follows is read from the page, where the act begins.
export async function act(page, link, fields, done) {
  await page.locator(link).first().click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  check(new URL(page.url()).pathname.startsWith("/act/"), `${link} leads to ${page.url()}`);
  await send(page, fields);
  if (done) await sees(page, ".notice.good[role=status]", done);
}

// Fills the form of the page in and sends it.
export async function send(page, fields) {
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`main [name="${name}"]`);
    if (await field.evaluate((element) => element.tagName === "SELECT")) await field.selectOption(value);
    else await field.fill(value);
  }
  const [answer] = await Promise.all([page.waitForNavigation(), page.locator("main form button").click()]);
  return answer;
}

// The mode that a page shows of a workflow.
export const shown = (page, workflow) => page.locator(`[data-workflow="${workflow}"] [data-mode]`).innerText();
