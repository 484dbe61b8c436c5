// The tests of the console in a real Chromium: runs the parts one after the other, prints what was measured, and keeps
// pictures, texts and the daemon's log of a failure in a folder that it names.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { acts, powerless } from "./console_acts.mjs";
import { Browser } from "./console_browser.mjs";
import { CONFIGURATION, fill } from "./console_house.mjs";
import { Daemon, Failed } from "./console_daemon.mjs";
import { door } from "./console_door.mjs";
import { lost, live } from "./console_live.mjs";
import { empty } from "./console_new.mjs";
import { options } from "./console_packages.mjs";
import { pages } from "./console_pages.mjs";
import { keyboard, noScript } from "./console_hands.mjs";
import { policy } from "./console_policy.mjs";
import { report } from "./console_report.mjs";
import { scale } from "./console_scale.mjs";

// In this order: a part finds the house as those before it left it.
const PARTS = { door, live, noScript, lost, acts, powerless, report, policy, pages, keyboard, empty, scale };
const ALL_MS = 300_000;

function keptIn() {
  return fs.mkdtempSync(path.join(os.tmpdir(), "andon-console-failed-"));
}

// Runs a part of a part; a failure says in which.
async function timed(part, ...given) {
  const since = performance.now();
  try {
    await part(...given);
  } catch (wrong) {
    wrong.message = `${part.name}: ${wrong.message}`;
    throw wrong;
  }
  if (options.verbose) console.log(`   ${part.name}: ${((performance.now() - since) / 1_000).toFixed(1)} s`);
}

async function main() {
  const wanted = options.only ? options.only.split(",") : Object.keys(PARTS);
  const began = performance.now();
  const browser = await Browser.start();
  const daemon = await Daemon.with("house", CONFIGURATION);
  const house = { browser, daemon, say: (text) => console.log(`   ${text}`), daemons: [daemon], timed };
  try {
    await fill(daemon);
    for (const name of wanted) {
      const since = performance.now();
      house.part = name;
      await PARTS[name](house);
      browser.settle();
      console.log(`ok ${name}: ${((performance.now() - since) / 1_000).toFixed(1)} s`);
    }
    console.log(`ok: ${browser.requests} requests of pages, all of them to their own andon, in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  } catch (wrong) {
    const folder = keptIn();
    await browser.keep(folder);
    for (const [at, one] of house.daemons.entries()) if (fs.existsSync(one.log)) fs.copyFileSync(one.log, path.join(folder, `andon-${at + 1}.log`));
    console.error(`FAILED in ${house.part}: ${wrong instanceof Failed ? wrong.message : wrong.stack}`);
    if (browser.complaints.length > 0) console.error(`and pages complained: ${browser.complaints.join("\n")}`);
    console.error(`pictures, texts and logs are in ${folder}`);
    process.exitCode = 1;
  } finally {
    await browser.stop();
    for (const one of house.daemons) await one.stop();
  }
}

const late = setTimeout(() => { console.error("FAILED: the tests of the console take too long"); process.exit(1); }, ALL_MS);
await main();
clearTimeout(late);
