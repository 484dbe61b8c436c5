// The policy's page: what is in force, and a candidate that is tried on the past.
import fs from "node:fs";
import path from "node:path";
import { go, hasNo, sees } from "./console_browser.mjs";
import { check } from "./console_daemon.mjs";

// Sends a candidate from the page.
async function tried(page, configuration) {
  await page.getByLabel("The whole configuration (TOML)").fill(configuration);
  await page.getByLabel("Days to look back").fill("");
  const [answer] = await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: "Try it" }).click()]);
  return answer;
}

export async function policy({ browser, daemon, say }) {
  const page = await browser.person(daemon, "boss", "/policy?workflow=mail");
  await sees(page, "main h2", "mail");
  await sees(page, "main pre", "exceptions");
  const now = fs.readFileSync(path.join(daemon.folder, "andon.toml"), "utf8");
  // With a mistake it says where, and keeps what was written.
  const answer = await tried(page, now.replace("outputs = 40", "outputs = -1"));
  check(answer.status() === 400 || answer.status() === 422, `a candidate with a mistake answers ${answer.status()}`);
  await sees(page, "[role=alert]", "outputs");
  check((await page.getByLabel("The whole configuration (TOML)").inputValue()).includes("outputs = -1"), "what was filled in is gone");
  // With other bounds it says what would have been lowered otherwise; the page finds out by itself.
  const since = performance.now();
  await tried(page, now.replaceAll("automate = 0.05", "automate = 0.50").replaceAll("delegate = 0.10", "delegate = 0.50").replaceAll("collaborate = 0.30", "collaborate = 0.50"));
  await page.evaluate(() => { window.stays = true; });
  await sees(page, "#part", /Under the candidate .* would have been lowered differently/);
  say(`the result of a backtest stands on the page after ${Math.round(performance.now() - since)} ms`);
  await sees(page, "#part tbody tr", "mail");
  check(await daemon.mode("mail") === "assist", "a backtest changed a mode");
  // Somebody who may only read sees the policy, and no form.
  const reader = await browser.person(daemon, "rita", "/policy");
  await hasNo(reader, "main form[method=post], main a[href*='/act/']");
  await go(reader, "/policy?workflow=mail");
  for (const one of [page, reader]) await browser.forget(one);
}
