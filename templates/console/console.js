// Keeps a page up to date: it listens to what happens, shows a change at once, and has the daemon draw the page anew.
// Everything can be read without it.
"use strict";
(() => {
  // What is wider than its box is scrolled by keys, too; not every browser does that by itself.
  const reach = () => {
    for (const box of document.querySelectorAll(".wide, pre")) {
      if (box.scrollWidth <= box.clientWidth || box.tabIndex === 0) continue;
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "scrolls sideways");
    }
  };
  addEventListener("resize", reach);
  reach();

  const stream = document.body.dataset.live;
  const part = document.getElementById("part");
  if (!stream || !part || !window.EventSource) return;

  const lamp = document.getElementById("live");
  const said = document.getElementById("said");
  const STEPS = ["assist", "collaborate", "delegate", "automate"];
  const SOON_MS = 300;
  const NOW_AND_THEN_MS = 15000;
  // Outputs are no entries of the ledger, so nobody tells of the first one, nor how far the reading of the journal is:
  // an empty floor and a course are looked at more often.
  const WAITING_MS = 2000;
  let timer = 0;
  let silence = 0;

  const show = (isOn) => {
    lamp.hidden = false;
    lamp.textContent = isOn ? "live" : "not live";
    lamp.classList.toggle("off", !isOn);
  };

  // Somebody who fills something in must not lose it.
  const isBusy = () => part.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);

  const pause = () => part.querySelector("#new, progress") ? WAITING_MS : NOW_AND_THEN_MS;

  const redraw = async () => {
    clearTimeout(timer);
    timer = setTimeout(redraw, pause());
    if (document.hidden || isBusy()) return;
    try {
      const answer = await fetch(location.pathname + location.search.replace(/[?&]done=[^&]*/, ""), { headers: { accept: "text/html" } });
      if (answer.redirected) return location.reload();
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("part");
      if (!fresh || isBusy()) return;
      const focus = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      part.replaceChildren(...fresh.childNodes);
      reach();
      if (focus) part.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    } catch {
      // The stream says that the connection is gone.
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(redraw, SOON_MS);
  };

  const say = (text) => {
    said.textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => { said.textContent = ""; }, 10000);
  };

  // A change of mode is shown before the page is drawn anew.
  const moved = ({ workflow, kind, from, to, reason }) => {
    if (kind !== "mode_changed") return;
    say(`${workflow}: ${from} → ${to}. ${reason}`);
    for (const station of part.querySelectorAll(`[data-workflow="${CSS.escape(workflow)}"]`)) {
      const mode = station.querySelector("[data-mode]");
      if (mode) mode.textContent = to;
      station.querySelectorAll(".ladder i").forEach((step, at) => { step.className = at <= STEPS.indexOf(to) ? "on" : "off"; });
      station.classList.add("moved");
    }
  };

  const listen = () => {
    const source = new EventSource(stream);
    source.onopen = () => show(true);
    source.onerror = () => {
      show(false);
      // A browser gives up where the answer was an error: a token that no longer holds, or too many listeners. Whoever
      // has to sign in again is asked to at once.
      if (source.readyState === EventSource.CLOSED) { soon(); setTimeout(listen, NOW_AND_THEN_MS); }
    };
    source.addEventListener("mode", (event) => { moved(JSON.parse(event.data)); soon(); });
    for (const name of ["incident", "request", "policy", "house", "reset"]) source.addEventListener(name, soon);
    addEventListener("pagehide", () => source.close(), { once: true });
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  addEventListener("pageshow", (event) => { if (event.persisted) { listen(); soon(); } });
  listen();
  timer = setTimeout(redraw, pause());
})();
