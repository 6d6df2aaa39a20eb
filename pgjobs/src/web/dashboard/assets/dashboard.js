"use strict";
// What a page does beyond HTML: live regions, copying, keys. Everything can be done without it.
(() => {
  const body = document.body, $ = (id) => document.getElementById(id);
  const say = (words) => { const status = $("status"); if (status) status.textContent = words; };
  const typing = (at) => at && (at.isContentEditable || /^(input|select|textarea)$/i.test(at.tagName) && !/^(checkbox|radio)$/.test(at.type));

  // ---------- live: regions are changed in place, so that focus, selection, scroll and open details stay ----------
  const KEPT = new Set(["open", "data-kept"]);
  function morph(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || (old.id || "") !== (fresh.id || "")) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name, value } of fresh.attributes) if (!KEPT.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!KEPT.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    if (old === document.activeElement && typing(old)) return;
    const kids = [...fresh.childNodes];
    kids.forEach((kid, nth) => {
      // A row that moved keeps its element: rows have ids.
      const here = old.childNodes[nth];
      const moved = kid.id ? [...old.childNodes].find((other, at) => at >= nth && other.id === kid.id) : null;
      if (moved && moved !== here) old.insertBefore(moved, here);
      const now = moved || here;
      if (!now) old.append(document.importNode(kid, true));
      else morph(now, kid);
    });
    while (old.childNodes.length > kids.length) old.lastChild.remove();
  }

  let source = null, paused = false, waiting = null;
  const selected = () => document.querySelectorAll("tbody input[type=checkbox]:checked").length;
  const live = $("live");
  function show() {
    if (!live) return;
    live.hidden = !body.dataset.stream;
    const held = paused || selected() > 0;
    live.className = held ? "st s-paused" : "st s-running";
    live.textContent = held ? "paused" : source ? "live" : "not live";
    const line = $("live-line"), words = $("live-words");
    if (line && words) {
      line.classList.toggle("held", held);
      words.dataset.words ??= words.textContent;
      const why = selected() ? `Updates are paused while ${selected()} selected.` : "Updates are paused.";
      words.textContent = held ? why : words.dataset.words;
    }
    const count = $("selected");
    if (count) count.textContent = `${selected()} selected`;
  }
  function apply(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const error = fresh.getElementById("live-error");
    if (error) { say(error.textContent); if (live) live.textContent = "not live"; return; }
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const old = $(part.id);
      if (old) morph(old, part);
    }
    const words = $("live-words");
    if (words) delete words.dataset.words;
    show();
  }
  function receive(html) {
    if (paused || selected() > 0) { waiting = html; return; }
    apply(html);
  }
  function go() { if (waiting && !paused && !selected()) { apply(waiting); waiting = null; } show(); }
  function open() {
    if (source || !body.dataset.stream || document.hidden) return;
    source = new EventSource(body.dataset.stream);
    source.onmessage = (event) => event.data && receive(event.data);
    source.onopen = show;
    source.onerror = () => { if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(open, 5000); } show(); };
  }
  function close() { if (source) source.close(); source = null; show(); }
  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);

  // ---------- selection ----------
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.id === "all-rows") for (const row of document.querySelectorAll("tbody input[type=checkbox]")) row.checked = box.checked;
    if (box.id === "keys-on") try { localStorage.setItem("pgjobs-keys", box.checked ? "on" : "off"); } catch { /* private mode */ }
    go();
  });

  // ---------- copying, also where there is no clipboard because the page is not encrypted ----------
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = document.createElement("textarea");
      area.value = text; area.className = "vh"; body.append(area); area.select();
      document.execCommand("copy"); area.remove();
    }
    say("Copied");
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy !== undefined) copy(button.dataset.copy).then(() => button.focus());
    if (button.dataset.copyOf) copy($(button.dataset.copyOf)?.textContent ?? "").then(() => button.focus());
    if (button.id === "pause") { paused = !paused; button.setAttribute("aria-pressed", String(paused)); go(); }
    if (button.id === "drop") drop();
  });
  function drop() { for (const box of document.querySelectorAll("tbody input:checked, #all-rows:checked")) box.checked = false; go(); }

  // ---------- keys ----------
  let after = null, here = -1, last = -1;
  const on = () => { try { return localStorage.getItem("pgjobs-keys") !== "off"; } catch { return true; } };
  const rows = () => [...document.querySelectorAll("main tbody tr")];
  function step(by) {
    const all = rows();
    if (!all.length) return;
    all[here]?.classList.remove("row-here");
    here = Math.min(Math.max(here + by, 0), all.length - 1);
    all[here].classList.add("row-here");
    (all[here].querySelector("th a") ?? all[here].querySelector("a"))?.focus();
  }
  function select(range) {
    const all = rows(), box = (at) => all[at]?.querySelector("input[type=checkbox]");
    if (!box(here)) return;
    const to = !box(here).checked;
    for (let at = range && last >= 0 ? Math.min(last, here) : here; at <= (range ? Math.max(last, here) : here); at++) if (box(at)) box(at).checked = range ? true : to;
    last = here;
    go();
  }
  const follow = (css) => document.querySelector(css)?.click();
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !typing(event.target) && !document.querySelector(":popover-open")) return drop();
    if (!on() || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key;
    if (after === "g") {
      after = null;
      if (/^[a-z]$/.test(key)) follow(`[data-go="${key}"]`);
      return;
    }
    const done = {
      g: () => { after = "g"; setTimeout(() => { after = null; }, 1500); },
      "/": () => $("search")?.focus(),
      j: () => step(1), k: () => step(-1), x: () => select(false), X: () => select(true),
      ".": () => document.querySelector(".bulk button, .page-head .acts a, .page-head .acts button")?.focus(),
      "[": () => follow("#newer"), "]": () => follow("#older"), p: () => follow("#pause"),
      y: () => follow("main [data-copy]"), "?": () => $("keys")?.togglePopover?.(),
    }[key];
    if (done) { event.preventDefault(); done(); }
  });
  const keys = $("keys-on");
  if (keys) keys.checked = on();
  open();
  show();
})();
