// The packages that the tests of the console stand on, and the arguments of the run.
// They lie in a folder of their own below target/, so that none lies beside the sources.
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    andon: { type: "string" },
    packages: { type: "string" },
    chromium: { type: "string" },
    // The median time of a page among 1,000 workflows. A debug build is slow: it gets ten times as much.
    "bar-ms": { type: "string", default: "2000" },
    // Where the printed report is kept, for whoever wants to look at it.
    keep: { type: "string", default: "" },
    verbose: { type: "boolean", default: false },
    // Only these parts, with a comma between them.
    only: { type: "string", default: "" },
    // A folder whose console.js and console.css are served in the place of the program's: to try a change of them.
    assets: { type: "string", default: "" },
  },
});

export const options = { ...values, andon: path.resolve(values.andon), barMs: Number(values["bar-ms"]) };

const require = createRequire(path.resolve(values.packages, "package.json"));
export const { chromium } = require("playwright-core");
export const { source: axeSource } = require("axe-core");
export const { HtmlValidate } = require("html-validate");
