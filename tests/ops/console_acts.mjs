// What people do in the console, each in a browser of their own: ask and approve, hold, lower, stop, look at incidents,
// audit, answer, test a hypothesis. What they did is read from the API; who may not, sees no button.
import { act, go, hasNo, sees, send, shown } from "./console_browser.mjs";
import { check } from "./console_daemon.mjs";
import { watch } from "./console_live.mjs";

async function promotion(house, { ann, bob, cay, rita }) {
  const { daemon, say } = house;
  await go(rita, "/?search=climb");
  await sees(rita, "#live", /^live$/);
  await go(ann, "/workflows/climb/gate");
  await sees(ann, ".lead", "From assist to collaborate");
  // The readiness list is a part of the gate: answered, it is met.
  await sees(ann, "td.open", "nobody answered yet");
  await act(ann, 'a[href*="/act/answer"][href*="item=runbook"]', { ready: "true", note: "https://wiki.example.com/runbook" }, "Answered.");
  await sees(ann, "td.good", /ready \(ann/);
  await act(ann, 'a[href*="/act/promote"]', { reason: "it does well", funding: "a second reviewer" }, "Asked for.");
  await sees(ann, ".requests", "0 of 2 approvals");
  // Whoever asked can't approve it, and is told so.
  await ann.locator('a[href*="/act/approve"]').first().click();
  const answer = await send(ann, { note: "I like it" });
  check(answer.status() === 403, `one's own request answers ${answer.status()}`);
  await sees(ann, "[role=alert]", /ann|own|asked/);
  check(await ann.locator("[name=note]").inputValue() === "I like it", "what was filled in is gone");
  await sees(rita, ".notice a", "1 request waits for an approval");
  await go(bob, "/gate");
  await act(bob, 'a[href*="/act/approve"]', { note: "fine" }, "Approved.");
  await sees(bob, ".requests", "approved by bob: fine");
  check(await daemon.mode("climb") === "assist", "one of two approvals raised a mode");
  const delay = await watch(house, rita, "climb");
  await go(cay, "/gate");
  await act(cay, 'a[href*="/act/approve"]', { note: "" }, "Approved.");
  const ms = await delay();
  say(`a promotion stands on a third person's floor ${ms} ms after the API says it`);
  check(await shown(rita, "climb") === "collaborate" && await daemon.mode("climb") === "collaborate", "climb did not rise");
  await sees(cay, "table", "granted");
}

// A gate that isn't met lets nobody ask; one rejection ends a request; who asked may take it back.
async function rejection({ daemon }, { ann, bob, cay }) {
  await go(ann, "/workflows/offers/gate");
  await sees(ann, ".lead", "missing");
  await act(ann, 'a[href*="/act/promote"]', { reason: "let us try" });
  await sees(ann, "[role=alert]", /missing/);
  check(await ann.locator("[name=reason]").inputValue() === "let us try", "what was filled in is gone");
  await daemon.outputs("climb", 60, { model: "m-1", mode: "collaborate" });
  const ends = [["bob", bob, "reject", { note: "too soon" }, "Rejected."], ["cay", cay, "withdraw", { reason: "it is too soon" }, "Taken back."]];
  for (const [name, page, how, fields, done] of ends) {
    const { id } = await daemon.ok("cay", "POST", "/v1/promotions", { workflow: "climb", to: "delegate", reason: "once more" });
    await go(page, "/gate");
    if (how === "reject") await hasNo(page, 'a[href*="/act/withdraw"]');
    await act(page, `a[href*="/act/${how}?request=${id}"]`, fields, done);
    const { status, because } = await daemon.ok(name, "GET", `/v1/requests/${id}`);
    check({ reject: "rejected", withdraw: "withdrawn" }[how] === status, `${id} is ${status}: ${because}`);
    await sees(page, `tbody tr#${id}`, status);
  }
}

async function holdAndLower({ daemon }, { ann, rita }) {
  await go(rita, "/workflows/offers");
  await go(ann, "/workflows/offers");
  await act(ann, 'a[href*="/act/hold"]', { reason: "the shop is closed" }, "Held");
  await sees(rita, ".notice.open", "Held: the shop is closed");
  await act(ann, 'a[href*="/act/release"]', { reason: "the shop is open" }, "Released.");
  check((await daemon.ok("ann", "GET", "/v1/workflows/offers/mode")).held === null, "offers is still held");
  // The page before the act says what follows, and does nothing by itself.
  await ann.locator('a[href*="/act/lower"]').click();
  await sees(ann, "#consequence", "offers is in delegate now.");
  await sees(ann, "#consequence", "Up again it goes only through the promotion gate");
  const lower = await ann.locator("select[name=mode] option").allInnerTexts();
  check(lower.sort().join() === "assist,collaborate", `offers can be lowered to ${lower}`);
  await ann.getByRole("link", { name: "Cancel" }).click();
  check(await daemon.mode("offers") === "delegate", "a page that was only looked at lowered a workflow");
  // A form without a reason isn't sent; one that is sent without it, is told.
  await ann.locator('a[href*="/act/lower"]').click();
  await ann.locator("main form").evaluate((form) => { form.noValidate = true; });
  const answer = await send(ann, { mode: "collaborate" });
  check(answer.status() === 400, `a form without a reason answers ${answer.status()}`);
  await sees(ann, "[role=alert]", "Please fill in: Why.");
  await send(ann, { mode: "collaborate", reason: "a customer called <script>alert(1)</script>" });
  await sees(ann, ".notice.good", "The mode was lowered.");
  await sees(rita, "[data-mode]", "collaborate");
  await sees(ann, "section p", "a customer called <script>alert(1)</script>");
  check(await daemon.mode("offers") === "collaborate", "offers was not lowered");
}

async function incident({ daemon }, { ann }) {
  await go(ann, "/incidents");
  await ann.locator("main tbody th a").first().click();
  const id = await ann.locator("h1").innerText();
  await act(ann, 'a[href*="/act/acknowledge"]', { note: "I am on it" }, "The others see that you look at it.");
  await sees(ann, ".timeline li", "I am on it");
  await hasNo(ann, 'a[href*="/act/acknowledge"]');
  await act(ann, 'a[href*="/act/resolve"]', { note: "a bad prompt" }, "Resolved.");
  await hasNo(ann, 'a[href*="/act/resolve"]');
  const { incidents } = await daemon.ok("ann", "GET", "/v1/incidents");
  check(incidents.find((one) => one.id === id)?.status === "resolved", `${id} is not resolved`);
  await go(ann, "/incidents?status=all");
  await sees(ann, "tbody tr", id);
}

async function base({ daemon }, { ann, rita }) {
  await go(rita, "/workflows/climb");
  await go(ann, "/base");
  await sees(ann, "tbody td", "never");
  await act(ann, 'a[href*="/act/audit"]', { passed: "true", note: "read it all" }, "The audit is recorded.");
  await sees(ann, "tbody td", /by ann, passed: read it all/);
  await act(ann, 'a[href*="/act/regress"]', { summary: "half of the guide is gone" }, "Reported");
  await sees(rita, ".notice.bad", /Capped at assist by .*guide/);
  await sees(rita, ".mode.large", "of collaborate granted");
  check(await daemon.mode("climb") === "assist", "a regression of its base doesn't cap climb");
  await go(ann, "/");
  await sees(ann, '[data-workflow="climb"]', "assist of collaborate");
  await go(ann, "/base");
  await ann.getByRole("link", { name: "got worse", exact: true }).click();
  await act(ann, 'a[href*="/act/resolve"]', { note: "the guide is whole again" }, "Resolved.");
  await sees(rita, "[data-mode]", "collaborate");
  await hasNo(rita, ".notice.bad");
}

async function lab({ daemon }, { ann, bob, rev }) {
  const one = "/lab/replies%3Atone-guide";
  await go(ann, "/lab");
  await ann.getByRole("link", { name: "tone-guide" }).click();
  await act(ann, 'a[href*="/act/lab-start"]', { note: "" }, "Recorded.");
  await act(ann, 'a[href*="/act/lab-decision"]', { text: "ten samples" }, "Recorded.");
  await act(ann, 'a[href*="/act/lab-criterion"]', { met: "true", note: "the sheet of cay and rev" }, "Recorded.");
  await go(rev, one);
  await hasNo(rev, 'a[href*="/act/lab-start"], a[href*="/act/lab-sign-off"]');
  await act(rev, 'a[href*="/act/lab-finding"]', { kind: "risk", text: "long replies lose the tone" }, "Recorded.");
  await go(bob, one);
  await act(bob, 'a[href*="/act/lab-risk"]', { disposal: "accepted", note: "replies are short" }, "Recorded.");
  await act(bob, 'a[href*="/act/lab-sign-off"]', { conclusion: "confirmed", learned: "ten samples are enough" }, "Recorded.");
  await sees(bob, ".notice.good", "ten samples are enough");
  await sees(bob, "table", "long replies lose the tone");
  const hypothesis = await daemon.ok("ann", "GET", "/v1/hypotheses/tone-guide");
  check(JSON.stringify(hypothesis).includes("ten samples are enough"), "the API doesn't have the sign-off");
}

// A drill, and at the end everything stops.
async function stop(house, { ann, rita }) {
  const { daemon, say } = house;
  await go(ann, "/incidents");
  await act(ann, 'a[href="/act/drill"]', {}, "The drill is over");
  await sees(ann, ".timeline li", "drill 1");
  await go(rita, "/");
  await sees(rita, "#live", /^live$/);
  // Somebody who fills in the search loses nothing, and sees what happens all the same.
  await rita.locator("#search").fill("qui");
  const delay = await watch(house, rita, "quiet");
  await go(ann, "/");
  await ann.getByRole("link", { name: "Stop everything" }).click();
  await sees(ann, "#consequence", /All \d+ workflows go to assist now, \d+ of which are above it/);
  await send(ann, { reason: "an exercise" });
  await sees(ann, ".notice.good", "Everything is in assist.");
  const ms = await delay();
  say(`a stop stands on a third person's floor ${ms} ms after the API says it`);
  check(await rita.locator("#search").inputValue() === "qui", "what was filled in is gone");
  const { workflows } = await daemon.ok("ann", "GET", "/v1/workflows");
  check(workflows.every((one) => one.mode.mode === "assist"), "not everything is in assist");
  await rita.waitForFunction(() => [...document.querySelectorAll("[data-mode]")].every((mode) => mode.textContent === "assist"));
}

export async function acts(house) {
  const people = {};
  await Promise.all(["ann", "bob", "cay", "rita", "rev"].map(async (name) => { people[name] = await house.browser.person(house.daemon, name); }));
  for (const part of [promotion, rejection, holdAndLower, incident, base, lab, stop]) await house.timed(part, house, people);
  for (const page of Object.values(people)) await house.browser.forget(page);
}

const PAGES = ["/", "/workflows/mail", "/workflows/mail/gate", "/gate", "/incidents?status=all", "/base", "/lab", "/lab/replies%3Atone-guide",
  "/reports", "/reports/now", "/ledger", "/policy"];
const ACTS = { "lower?workflow=mail": "operate", "hold?workflow=mail": "operate", stop: "operate", "annul?workflow=mail": "approve", "audit?item=guide": "operate",
  "regress?item=guide": "operate", reload: "admin", drill: "operate", "lab-finding?hypothesis=tone-guide": "review", simulate: "ingest", "answer?workflow=mail&item=runbook": "operate" };

// Somebody who may only read has no button, and is told why where they come to an act by its address.
export async function powerless({ browser, daemon }) {
  const page = await browser.person(daemon, "rita");
  for (const path of PAGES) {
    await go(page, path);
    await hasNo(page, "main form[method=post]");
    await hasNo(page, 'a[href*="/act/"]');
  }
  const key = await page.locator("[name=form_key]").first().inputValue();
  for (const [act, scope] of Object.entries(ACTS)) {
    await go(page, `/act/${act}`);
    await sees(page, ".notice.open", `This needs the scope \`${scope}\`, and your token has: read.`);
    await hasNo(page, "main form, main button");
  }
  // A form that was made by hand does nothing either.
  const status = await page.evaluate(async (key) => {
    const body = new URLSearchParams({ form_key: key, workflow: "mail", mode: "assist", reason: "by hand" });
    return (await fetch("/act/lower", { method: "POST", body })).status;
  }, key);
  check(status === 403, `a form of somebody who may only read answers ${status}`);
  await browser.forget(page);
}
