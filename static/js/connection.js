/** The line about the connection. It appears only when needed and covers nothing. */

import { halt } from "./api.js";
import { when } from "./bus.js";
import { $, el } from "./dom.js";
import { t } from "./i18n.js";
import { MODE_DEGRADED, PRESENCE, SYSTEM } from "./protocol.js";

const GRACE_MS = 2500; // a restart or a change of network is shorter than this, and not news
const here = () => location.pathname + location.search;

// States in which only the reader can continue: the text, and the address and name of the link.
const ENDS = {
  "signed-out": () => [t("signed_out"), `/login?next=${encodeURIComponent(here())}`, t("sign_in")],
  // The page belongs to another account; the present one may not be allowed to see it.
  "other-account": ({ nickname }) => [t("signed_in_as", { nickname }), "/", t("go_on")],
  "other-session": () => [t("signed_in_again"), here(), t("go_on")],
};

let state = "connecting";
let end = null;
let isDegraded = false;
let timer = 0;

function words() {
  if (state === "offline") return t("connection_lost");
  if (state === "connecting") return t("connecting");
  return isDegraded ? t("reduced_mode") : "";
}

function paint() {
  clearTimeout(timer);
  // For the style sheet and for tests.
  document.body.dataset.connection = state;
  timer = 0;
  show();
}

function show() {
  const banner = $("#connection");
  if (!banner) return;
  const [text, href, label] = end || [words()];
  banner.dataset.state = state === "online" && isDegraded ? "reduced" : state;
  banner.replaceChildren(text);
  if (href) banner.append(" ", el("a", { href, text: label }));
  banner.hidden = !text;
}

function set(next) {
  if (end && next !== "online") return;
  const before = state;
  state = next;
  end = null;
  halt(false);
  if (next !== "offline" || before === "offline") return paint();
  document.body.dataset.connection = next;
  clearTimeout(timer);
  timer = setTimeout(paint, navigator.onLine ? GRACE_MS : 0);
}

function finish(how, data) {
  state = how;
  end = ENDS[how](data);
  // With the cookie of another session, this page would act as another person.
  halt(how !== "signed-out");
  paint();
}

export function start() {
  document.body.dataset.connection = state;
  timer = setTimeout(paint, GRACE_MS);
  when("connected", () => set("online"));
  when("entered", () => timer || show()); // each channel has a banner of its own
  when("disconnected", () => set("offline"));
  for (const how of Object.keys(ENDS)) when(how, (data) => finish(how, data));
  when(SYSTEM, ({ mode }) => {
    isDegraded = mode === MODE_DEGRADED;
    if (state === "online") paint();
  });
  when(PRESENCE, ({ greeting, known }) => {
    if (!greeting) return;
    isDegraded = !known;
    if (state === "online") paint();
  });
}
