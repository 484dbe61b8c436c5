// The weekly report in the console: read, and printed on A4 with nothing cut off.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { check } from "./console_daemon.mjs";
import { act, go, sees, send } from "./console_browser.mjs";
import { options } from "./console_packages.mjs";

// Words as they can be looked for in a PDF, whose text is read in the order in which it was drawn: a word that is broken
// over two lines is whole again without its spaces.
const plain = (text) => text.normalize("NFKC").replace(/\s+/g, "");

// What the page says and the paper doesn't.
function missing(words, pdf) {
  const paper = plain(pdf);
  return words.filter((word) => !paper.includes(plain(word)));
}

async function printed(page, folder, say) {
  const file = path.join(folder, "report.pdf");
  await page.emulateMedia({ media: "print" });
  const words = await page.locator(".report").evaluate((report) => {
    const walker = document.createTreeWalker(report, NodeFilter.SHOW_TEXT);
    const found = new Set();
    while (walker.nextNode()) {
      const { parentElement, textContent } = walker.currentNode;
      // A title of a picture is told, not drawn.
      if (parentElement.checkVisibility() && !parentElement.closest("title, desc, .visually-hidden")) textContent.split(/\s+/).forEach((word) => found.add(word));
    }
    found.delete("");
    return [...found];
  });
  await page.pdf({ path: file, format: "A4", preferCSSPageSize: true });
  await page.emulateMedia({ media: null });
  const text = execFileSync("pdftotext", ["-raw", file, "-"], { encoding: "utf8" });
  const pages = text.split("\f").length - 1;
  if (options.keep) fs.copyFileSync(file, options.keep);
  check(pages >= 1, "the PDF has no page");
  const cut = missing(words, text);
  // Letters that don't fit on the paper are not in it: a table that is too wide, a text that can't be broken.
  check(cut.length === 0, `the paper lacks ${cut.length} of ${words.length} words: ${cut.slice(0, 20).join(" ")}`);
  check(!text.includes("Sign out") && !text.includes("Skip to the content"), "the paper shows the frame of the page");
  say(`the report of this week is ${pages} pages of A4, ${words.length} different words, ${Math.round(fs.statSync(file).size / 1_000)} kB`);
}

// The council answers what the report asks: one question at once, the other by naming somebody, who then says how it ended.
async function council(page, daemon) {
  const offer = (choice) => page.locator('.decisions a[href*="/act/council"]', { hasText: choice }).first();
  const judged = page.locator(".decisions > li").filter({ has: page.locator("a", { hasText: "It was right" }) }).first();
  const question = await judged.locator("h3").innerText();
  await offer("It was right").click();
  await sees(page, "#consequence", "andon recommends");
  await send(page, { note: "the customer's file was broken" });
  await sees(page, ".notice.good[role=status]", "Decided, and recorded in the ledger.");
  await sees(page, "[aria-labelledby=decided] tbody tr", "the customer's file was broken");
  // The steps of one collapse are judged with it: none of them is asked about in its place.
  const open = await page.locator(".decisions > li h3").allInnerTexts();
  check(!open.includes(question), `a question that was answered is still asked: ${question}`);
  check(!open.some((asked) => asked.startsWith("Was it right")), `a step of it is still asked about: ${open.join("; ")}`);
  await daemon.ok("ann", "POST", "/v1/base/guide/regressions", { summary: "half of the guide is gone again" });
  await go(page, new URL(page.url()).pathname);
  await offer("Name somebody").click();
  const due = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  const fields = { owner: "cay", due, task: "find the cause", note: "cay knows the prompt" };
  const there = await page.locator("main form [name]").evaluateAll((all) => all.map((field) => field.name));
  await send(page, Object.fromEntries(Object.entries(fields).filter(([name]) => there.includes(name))));
  await sees(page, "[aria-labelledby=actions] tbody tr", "cay");
  await act(page, 'a[href*="/act/finish"]', { ending: "done", note: "it was the prompt" }, "Recorded.");
  await sees(page, "[aria-labelledby=actions] tbody tr", "it was the prompt");
  const { incidents } = await daemon.ok("ann", "GET", "/v1/incidents?status=open");
  const gone = incidents.find((one) => one.about === "regression");
  await daemon.ok("ann", "POST", `/v1/incidents/${gone.id}/resolve`, { note: "the guide is whole again" });
  const { entries } = await daemon.ok("boss", "GET", "/v1/ledger?newest_first=true&limit=20");
  check(JSON.stringify(entries).includes("the customer's file was broken"), "the ledger doesn't have the decision");
}

export async function report(house) {
  const { browser, daemon, say } = house;
  const page = await browser.person(daemon, "boss", "/reports");
  await sees(page, "tbody th", "running, provisional");
  await page.locator("tbody th a").first().click();
  await sees(page, ".report h2", "In short");
  const week = await page.locator(".report h1").innerText();
  await sees(page, ".report h1", new URL(page.url()).pathname.split("/").at(-1).replace("now", ""));
  check(/^\d{4}-W\d\d/.test(week), `the report is of ${week}`);
  await printed(page, daemon.folder, say);
  await council(page, daemon);
  for (const link of ["Markdown", "JSON", "as one file"]) {
    const href = await page.getByRole("link", { name: link }).first().getAttribute("href");
    check((await page.request.get(href)).status() === 200, `${href} is not there`);
  }
  await go(page, "/reports/now");
  await browser.forget(page);
}
