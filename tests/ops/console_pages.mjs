// Every page, as it looks and as it is written: no serious or critical finding of axe-core in light and dark, wide and
// narrow; nothing that scrolls sideways on a telephone; HTML that is valid.
import { check } from "./console_daemon.mjs";
import { LONG } from "./console_house.mjs";
import { axeSource, HtmlValidate } from "./console_packages.mjs";

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };
const LOOKS = [["light", WIDE], ["dark", WIDE], ["dark", NARROW], ["light", NARROW]];

// What every page says to browsers.
const HEADERS = { "content-security-policy": "default-src 'none'", "x-content-type-options": "nosniff", "cache-control": "no-store", "x-frame-options": "DENY",
  "referrer-policy": "same-origin", "content-type": "text/html; charset=utf-8" };

// What HTML itself asks for.
const HTML = new HtmlValidate({
  extends: ["html-validate:standard", "html-validate:document"],
  rules: {
    // Style and script are the daemon's own.
    "require-sri": "off",
    "no-inline-style": "error",
  },
});

const PAGES = ["/", `/?search=${LONG}`, "/?search=nothing-like-that", "/?light=silent", "/workflows/mail", "/workflows/climb", `/workflows/${LONG}?window=7d`,
  "/workflows/mail/gate", "/workflows/climb/gate?to=automate", "/gate", "/incidents", "/incidents?status=all", "/base", "/lab",
  "/lab/replies%3Atone-guide", "/reports", "/reports/now", "/reports/1999-W01", "/ledger", "/ledger?workflow=mail", "/policy", "/policy?workflow=mail"];
const ACTS = ["lower?workflow=offers&mode=assist", "hold?workflow=mail", "promote?workflow=mail&to=collaborate", "annul?workflow=mail", "answer?workflow=mail&item=runbook",
  "relearn?workflow=mail&guard=latency", "stop", "drill", "reload", "simulate", "assign?workflow=mail", "judge?workflow=mail&epoch=2", "audit?item=guide", "regress?item=guide",
  "lab-start?hypothesis=replies%3Atone-guide", "lab-finding?hypothesis=replies%3Atone-guide", "lab-sign-off?hypothesis=replies%3Atone-guide"];
const MISSING = [["/workflows/no-such-workflow", 404], ["/act/no-such-act", 404], ["/act/lower", 400], ["/incidents/mail-999", 404], ["/reports/no-such-week", 400],
  ["/lab/no-such-test", 404]];

// Pages that only a run of the house knows the address of.
async function found(daemon) {
  const { incidents } = await daemon.ok("ann", "GET", "/v1/incidents");
  const { requests } = await daemon.ok("ann", "GET", "/v1/requests");
  check(incidents.length > 0 && requests.length > 0, "the house has no incident or no request");
  const ids = incidents.slice(0, 2).map((one) => `/incidents/${one.id}`);
  return [...ids, `/act/acknowledge?incident=${incidents[0].id}`, `/act/resolve?incident=${incidents[0].id}`, ...["approve", "reject", "withdraw"].map((act) => `/act/${act}?request=${requests[0].id}`)];
}

// What axe-core finds that matters, in a sentence each.
async function looked(page, only) {
  if (!await page.evaluate(() => Boolean(window.axe))) await page.evaluate(axeSource);
  return page.evaluate(async (only) => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"], iframes: false, ...(only && { runOnly: only }) });
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return grave.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" … ")}`);
  }, only);
}

// What is wrong with a page, a sentence each.
export async function look(page, path, status = 200) {
  const wrong = [];
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light" });
  const answer = await page.goto(path);
  if (answer.status() !== status) wrong.push(`answers ${answer.status()}`);
  const says = answer.headers();
  for (const [header, part] of Object.entries(HEADERS)) if (!says[header]?.includes(part)) wrong.push(`${header} is ${says[header]}`);
  for (const result of (await HTML.validateString(await answer.text(), path)).results) {
    for (const one of result.messages) wrong.push(`HTML ${one.line}:${one.column} ${one.ruleId}: ${one.message}`);
  }
  // Acts are all drawn by one template: the two looks that are furthest apart are enough.
  for (const [scheme, size] of path.startsWith("/act/") ? [LOOKS[0], LOOKS[2]] : LOOKS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize(size);
    // The page hears of its new size when it is drawn.
    await page.evaluate(() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go))));
    // Colours change with the scheme, places with the width; everything else is the same in all four.
    const only = scheme === "light" && size === WIDE ? null : size === WIDE ? ["color-contrast"] : ["color-contrast", "target-size", "scrollable-region-focusable"];
    for (const one of await looked(page, only)) wrong.push(`${scheme}, ${size.width} px: ${one}`);
    const [needs, has] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    if (needs > has) wrong.push(`${size.width} px: scrolls sideways, ${needs} of ${has}: ${await widest(page)}`);
  }
  return wrong.map((one) => `${path}: ${one}`);
}

// What sticks out.
const widest = (page) => page.evaluate(() => {
  const wide = [...document.querySelectorAll("main *")].filter((element) => !element.closest(".wide, pre") && element.getBoundingClientRect().right > innerWidth + 1);
  return wide.slice(0, 3).map((element) => element.outerHTML.slice(0, 120)).join(" … ");
});

// So many are looked at side by side.
const TABS = 3;

export async function pages(house) {
  const { browser, daemon, say } = house;
  const tabs = [];
  for (let tab = 0; tab < TABS; tab += 1) tabs.push(await browser.person(daemon, "boss"));
  const there = [...PAGES, ...ACTS.map((act) => `/act/${act}`), ...await found(daemon)];
  const all = [...there.map((path) => [path, 200]), ...MISSING];
  const stranger = await browser.stranger(daemon);
  const wrong = await look(stranger, "/sign-in?next=%2Fgate");
  const left = all.values();
  await Promise.all(tabs.map(async (page) => { for (const [path, status] of left) wrong.push(...await look(page, path, status)); }));
  check(wrong.length === 0, `${wrong.length} findings:\n${wrong.sort().join("\n")}`);
  say(`${all.length + 1} pages, each in light and dark, at 1280 and 390 px`);
  for (const one of [...tabs, stranger]) await browser.forget(one);
}
