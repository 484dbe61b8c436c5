// Who comes in, and what a form must carry: sign-in, the cookie, sign-out, forms from elsewhere, a token that is revoked.
import http from "node:http";
import { check, freePort, until } from "./console_daemon.mjs";
import { go, sees, send, signIn } from "./console_browser.mjs";

const PATHS = ["/", "/gate", "/incidents", "/base", "/lab", "/reports", "/ledger", "/policy", "/workflows/offers",
  "/workflows/offers/gate", "/lab/tone-guide", "/reports/now", "/act/lower?workflow=offers&mode=assist", "/?search=off&page=1"];
const COOKIE = /^andon/;

// The session's cookie, as the browser has it.
const cookie = async (page) => (await page.context().cookies()).find((one) => COOKIE.test(one.name));

// Where a page is, without its origin.
const at = (page) => page.url().slice(new URL(page.url()).origin.length);

async function comesBack({ browser, daemon }) {
  const page = await browser.stranger(daemon);
  for (const path of PATHS) {
    await page.goto(path);
    check(at(page) === `/sign-in?next=${encodeURIComponent(path)}`, `${path} led a stranger to ${page.url()}`);
  }
  for (const path of [PATHS.at(-1), PATHS.at(-2)]) {
    await page.context().clearCookies();
    await page.goto(path);
    await signIn(page, daemon.tokens.ann);
    check(at(page) === path, `after the sign-in of ${path} it goes on at ${page.url()}`);
  }
  await browser.forget(page);
}

async function wrongTokens({ browser, daemon }) {
  const page = await browser.stranger(daemon);
  // One that was never given out, and something that is no token.
  for (const token of [`andon_${"a".repeat(49)}`, "letmein"]) {
    await page.goto("/sign-in");
    await page.getByLabel("Access token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await sees(page, ".notice.bad[role=alert]", /token/);
    check(!(await page.content()).includes(token), "the page repeats the token");
    check(!(await cookie(page)), "a wrong token gives a cookie");
  }
  for (const next of ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]) {
    await page.context().clearCookies();
    await page.goto(`/sign-in?next=${encodeURIComponent(next)}`);
    await signIn(page, daemon.tokens.rita);
    check(page.url() === `${daemon.origin}/`, `next=${next} leads to ${page.url()}`);
    await page.goto(`/sign-in?next=${encodeURIComponent(next)}`);
    check(page.url() === `${daemon.origin}/`, `next=${next} leads somebody who is signed in to ${page.url()}`);
  }
  await browser.forget(page);
}

async function theCookie({ browser, daemon }) {
  const page = await browser.person(daemon, "ann");
  const one = await cookie(page);
  check(one?.httpOnly && one.sameSite === "Lax", `the cookie is ${JSON.stringify({ ...one, value: "…" })}`);
  check(await page.evaluate(() => document.cookie) === "", "a script reads the cookie");
  const reads = (value) => fetch(`${daemon.origin}/v1/workflows`, { headers: { cookie: `${one.name}=${value}` } });
  check((await reads(one.value)).status === 200, "the cookie doesn't read /v1/workflows");
  // From the page itself, with everything that a browser sends.
  const posts = await page.evaluate(async () => {
    const ask = (path, body) => fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const lower = await ask("/v1/workflows/offers/mode", { mode: "assist", reason: "by cookie" });
    return [lower.status, (await ask("/v1/stop", { reason: "by cookie" })).status];
  });
  check(posts.join() === "401,401", `POST with the cookie answers ${posts}`);
  check(await daemon.mode("offers") === "delegate", "a cookie lowered a workflow");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/sign-in");
  check(!(await cookie(page)), "the cookie is still there after the sign-out");
  check((await reads(one.value)).status === 401, "the old cookie still reads /v1/workflows");
  await browser.forget(page);
}

async function forms({ browser, daemon }) {
  const page = await browser.person(daemon, "ann");
  const other = await browser.person(daemon, "bob");
  const foreign = await other.locator("[name=form_key]").first().inputValue();
  for (const key of [null, "", "wrong", foreign]) {
    await go(page, "/act/lower?workflow=offers");
    await page.locator("main [name=form_key]").evaluate((field, key) => { if (key === null) field.remove(); else field.value = key; }, key);
    const answer = await send(page, { mode: "assist", reason: "with a wrong key" });
    check(answer.status() === 403, `a form with the key ${key} answers ${answer.status()}`);
    await sees(page, "[role=alert]", "nothing was done");
  }
  await go(page, "/");
  await page.locator("form[action='/sign-out'] [name=form_key]").evaluate((field) => { field.value = "wrong"; });
  await page.getByRole("button", { name: "Sign out" }).click();
  await sees(page, "[role=alert]", "nothing was done");
  check(await cookie(page), "a form with a wrong key signed somebody out");
  check(await daemon.mode("offers") === "delegate", "a form with a wrong key lowered a workflow");
  for (const one of [page, other]) await browser.forget(one);
}

// Another site, whose page sends a form to the console as soon as it is looked at.
async function elsewhere(daemon, key) {
  const port = await freePort();
  const field = (name, value) => `<input name="${name}" value="${value}">`;
  const fields = field("form_key", key) + field("mode", "assist") + field("reason", "from elsewhere");
  const body = `<!doctype html><title>elsewhere</title><form method="post" action="${daemon.origin}/act/lower?workflow=offers">${fields}${field("workflow", "offers")}<button>Win</button></form><iframe src="${daemon.origin}/"></iframe>`;
  const server = http.createServer((_, answer) => answer.writeHead(200, { "content-type": "text/html" }).end(body));
  await new Promise((go) => server.listen(port, "127.0.0.1", go));
  return { server, port };
}

async function anotherOrigin({ browser, daemon }) {
  // Even with the right key, which such a site can't know.
  const page = await browser.person(daemon, "ann");
  const { server, port } = await elsewhere(daemon, await page.locator("[name=form_key]").first().inputValue());
  await browser.forget(page);
  // Of the same site, so that the browser sends the cookie, and of another one.
  for (const origin of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
    const page = await browser.person(daemon, "ann", "/", { also: [origin] });
    const key = await page.locator("[name=form_key]").first().inputValue();
    await page.goto(origin);
    check(!(await page.frames().at(-1).content()).includes("Sign out"), "another site frames the console");
    await page.locator("[name=form_key]").evaluate((field, key) => { field.value = key; }, key);
    const [answer] = await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: "Win" }).click()]);
    check(answer.status() === 403, `a form from ${origin} answers ${answer.status()}`);
    await sees(page, "body", "nothing was done");
    check(await daemon.mode("offers") === "delegate", `a form from ${origin} lowered a workflow`);
    await browser.forget(page);
  }
  server.close();
}

async function revoked({ browser, daemon }) {
  daemon.give("temp", "board", "read,operate");
  await daemon.ok("boss", "POST", "/v1/reload");
  const page = await browser.person(daemon, "temp");
  const { name, value } = await cookie(page);
  daemon.run("token", "revoke", "temp", "--file", "keys.toml");
  await daemon.ok("boss", "POST", "/v1/reload");
  await page.goto("/workflows/offers");
  check(at(page) === "/sign-in?next=%2Fworkflows%2Foffers", `somebody whose token was revoked sees ${page.url()}`);
  const reads = await fetch(`${daemon.origin}/v1/workflows`, { headers: { cookie: `${name}=${value}` } });
  check(reads.status === 401, `the cookie of a revoked token answers ${reads.status}`);
  await until("the sign-in page", async () => page.getByLabel("Access token").isVisible());
  await browser.forget(page);
}

export async function door(house) {
  for (const part of [comesBack, wrongTokens, theCookie, forms, anotherOrigin, revoked]) await house.timed(part, house);
}
