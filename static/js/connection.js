/** A quiet line about the connection: only when it matters, and never in the way of writing. */

import { when } from "./bus.js";
import { $, el } from "./dom.js";
import { t } from "./i18n.js";

const GRACE_MS = 2500; // a restart or a change of network is shorter than this, and not news

const banner = $("#connection");
let state = "connecting";
let isDegraded = false;
let timer = 0;

function words() {
  if (state === "signed-out") return t("signed_out");
  if (state === "offline") return t("connection_lost");
  if (state === "connecting") return t("connecting");
  return isDegraded ? t("reduced_mode") : "";
}

function paint() {
  clearTimeout(timer);
  // For the style sheet, and for whoever has to wait for it.
  document.body.dataset.connection = state;
  if (!banner) return;
  const text = words();
  banner.dataset.state = state === "online" && isDegraded ? "reduced" : state;
  banner.replaceChildren(text);
  if (state === "signed-out") {
    const next = encodeURIComponent(location.pathname);
    banner.append(" ", el("a", { href: `/login?next=${next}`, text: t("sign_in") }));
  }
  banner.hidden = !text;
}

function set(next) {
  if (state === "signed-out" && next !== "online") return;
  const before = state;
  state = next;
  if (next !== "offline" || before === "offline") return paint();
  document.body.dataset.connection = next;
  clearTimeout(timer);
  timer = setTimeout(paint, navigator.onLine ? GRACE_MS : 0);
}

export function start() {
  document.body.dataset.connection = state;
  timer = setTimeout(paint, GRACE_MS);
  when("connected", () => set("online"));
  when("disconnected", () => set("offline"));
  when("signed-out", () => set("signed-out"));
  when("system", ({ mode }) => {
    isDegraded = mode === "degraded";
    if (state === "online") paint();
  });
  when("presence", ({ greeting, known }) => {
    if (!greeting) return;
    isDegraded = !known;
    if (state === "online") paint();
  });
}
