// The console without a mouse, and without scripts.
import { check } from "./console_daemon.mjs";
import { go, sees, send, signIn } from "./console_browser.mjs";

// Every element that can be used, and can be seen.
const USABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
const PAGES = ["/", "/workflows/mail", "/workflows/mail/gate", "/gate", "/incidents?status=all", "/base", "/lab/replies%3Atone-guide", "/reports/now", "/ledger", "/policy",
  "/act/lower?workflow=offers", "/act/promote?workflow=mail&to=collaborate"];

// Goes through a page by Tab; gives what was never reached, and what has no visible focus.
async function throughByTab(page, path) {
  await go(page, path);
  await page.evaluate((usable) => {
    window.reached = new Set();
    window.unseen = [];
    addEventListener("focusin", ({ target }) => {
      window.reached.add(target);
      const { outlineStyle, outlineWidth } = getComputedStyle(target);
      const { width, height } = target.getBoundingClientRect();
      if (outlineStyle === "none" || parseFloat(outlineWidth) < 2 || width < 2 || height < 2) window.unseen.push(target.outerHTML.slice(0, 120));
    });
    window.usable = [...document.querySelectorAll(usable)].filter((element) => element.checkVisibility());
    document.activeElement?.blur();
  }, USABLE);
  const count = await page.evaluate(() => window.usable.length);
  // An input for a day has several places for Tab.
  for (let at = 0; at < count + 8; at += 1) await page.keyboard.press("Tab");
  const { missed, unseen } = await page.evaluate(() => ({ missed: window.usable.filter((one) => one.isConnected && !window.reached.has(one)).map((one) => one.outerHTML.slice(0, 120)), unseen: window.unseen }));
  check(missed.length === 0, `${path}: Tab doesn't reach ${missed.slice(0, 3).join(" … ")}`);
  check(unseen.length === 0, `${path}: no visible focus on ${[...new Set(unseen)].slice(0, 3).join(" … ")}`);
  return count;
}

export async function keyboard({ browser, daemon, say }) {
  const page = await browser.person(daemon, "boss");
  await page.keyboard.press("Tab");
  const skip = page.locator(".skip");
  check(await skip.evaluate((link) => link === document.activeElement && link.getBoundingClientRect().left >= 0), "the first Tab doesn't show the skip link");
  await page.keyboard.press("Enter");
  check(await page.evaluate(() => document.activeElement.id === "main"), "the skip link doesn't lead to the content");
  await page.keyboard.press("Tab");
  check(await page.evaluate(() => document.activeElement.closest("main") !== null), "after the skip link Tab is elsewhere");
  let count = 0;
  for (const path of PAGES) count += await throughByTab(page, path);
  say(`${count} links, buttons and fields are reached by Tab, each with a visible focus`);
  // A whole act by keys alone.
  await go(page, "/act/hold?workflow=mail");
  await page.locator("textarea").focus();
  await page.keyboard.type("by keys");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await sees(page, ".notice.good", "Held");
  await browser.forget(page);
}

export async function noScript({ browser, daemon }) {
  const page = await browser.stranger(daemon, { javaScriptEnabled: false });
  await page.goto("/");
  await signIn(page, daemon.tokens.ann);
  await sees(page, '[data-workflow="free"] [data-mode]', "delegate");
  check(await page.locator("#live").isHidden(), "a page without scripts says that it is live");
  await page.getByRole("link", { name: "free", exact: true }).click();
  await page.getByRole("link", { name: "Lower" }).click();
  await send(page, { mode: "assist", reason: "without scripts" });
  await sees(page, ".notice.good", "The mode was lowered.");
  check(await daemon.mode("free") === "assist", "without scripts nothing was lowered");
  await page.getByRole("button", { name: "Sign out" }).click();
  await sees(page, "h1", "Sign in");
  await browser.forget(page);
}
