// A real andon for the tests of the console: its folder, its people's tokens, its start and its end.
// Knows no browser. Every wait is bounded.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { options } from "./console_packages.mjs";

const WAIT_MS = 20_000;
const running = new Set();
process.on("exit", () => { for (const child of running) child.kill("SIGKILL"); });

export class Failed extends Error {}

export function check(holds, said) {
  if (!holds) throw new Failed(said);
}

// Waits until `holds` gives something true, and gives that.
export async function until(said, holds, { waitMs = WAIT_MS, pauseMs = 20 } = {}) {
  const end = performance.now() + waitMs;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (performance.now() > end) throw new Failed(`after ${waitMs} ms not: ${said}`);
    await new Promise((go) => setTimeout(go, pauseMs));
  }
}

export function freePort() {
  return new Promise((give, fail) => {
    const server = net.createServer().once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => give(port));
    });
  });
}

// People: name, roles, scopes. Their tokens are made by the command, as an operator makes them.
const PEOPLE = [
  ["ann", "board,owner", "read,operate,approve"],
  ["bob", "board", "read,approve"],
  ["cay", "board", "read,operate,approve"],
  ["rita", "board", "read"],
  ["rev", "board", "read,review"],
  ["boss", "board", "admin"],
  ["svc", "board", "ingest,read"],
];

export class Daemon {
  // One that runs; without people it has no tokens, and everybody on this machine may do everything.
  static async with(name, configuration, people = PEOPLE) {
    const daemon = new Daemon();
    daemon.folder = fs.mkdtempSync(path.join(os.tmpdir(), `andon-console-${name}-`));
    daemon.port = await freePort();
    daemon.origin = `http://127.0.0.1:${daemon.port}`;
    const tokens = people.length > 0 ? 'tokens = "keys.toml"\n' : "";
    const server = `[server]\nlisten = "127.0.0.1:${daemon.port}"\n${tokens}`;
    fs.writeFileSync(path.join(daemon.folder, "andon.toml"), server + configuration);
    daemon.tokens = {};
    for (const [person, roles, scopes] of people) daemon.give(person, roles, scopes);
    await daemon.start();
    return daemon;
  }

  run(...words) {
    return execFileSync(options.andon, words, { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  give(person, roles, scopes) {
    const words = ["--name", person, "--roles", roles, "--scopes", scopes, "--file", "keys.toml"];
    this.tokens[person] = this.run("token", "new", ...words).trim();
  }

  async start() {
    const log = fs.openSync(this.log, "a");
    const words = ["serve", "--config", "andon.toml"];
    this.child = spawn(options.andon, words, { cwd: this.folder, stdio: ["ignore", log, log] });
    fs.closeSync(log);
    running.add(this.child);
    const { child } = this;
    this.ended = new Promise((go) => child.once("exit", () => { running.delete(child); go(); }));
    await until("andon is ready", async () => {
      check(child.exitCode === null, `andon did not start:\n${fs.readFileSync(this.log, "utf8")}`);
      return (await fetch(`${this.origin}/readyz`).catch(() => null))?.ok;
    });
  }

  get log() {
    return path.join(this.folder, "andon.log");
  }

  // Ends it as a machine that loses its power does.
  async cut() {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  // Ends it, and takes its folder away.
  async stop() {
    this.child.kill("SIGTERM");
    const late = setTimeout(() => this.child.kill("SIGKILL"), 12_000);
    await this.ended;
    clearTimeout(late);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  // A request to the API in somebody's name.
  async ask(person, method, route, body, type = "application/json") {
    const token = this.tokens[person];
    const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { "content-type": type }) };
    const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const answer = await fetch(this.origin + route, { method, headers, body: text });
    return { status: answer.status, body: await answer.json().catch(() => null) };
  }

  async ok(person, method, route, body, type) {
    const answer = await this.ask(person, method, route, body, type);
    check(answer.status < 300, `${method} ${route} as ${person}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  // Outputs of a workflow, all good or all bad.
  async outputs(workflow, n, more = {}) {
    this.sent = (this.sent ?? 0) + 1;
    const line = (at) => JSON.stringify({ id: `${workflow}-${this.sent}-${at}`, workflow, outcome: "ok", latency_ms: 800, ...more });
    const lines = Array.from({ length: n }, (_, at) => line(at)).join("\n");
    const answer = await this.ok("svc", "POST", "/v1/events", lines, "application/x-ndjson");
    check(answer.accepted === n, `of ${n} outputs ${answer.accepted} were taken: ${JSON.stringify(answer)}`);
  }

  async mode(workflow) {
    return (await this.ok("svc", "GET", `/v1/workflows/${workflow}/mode`)).mode;
  }
}
