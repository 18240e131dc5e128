/** Notices about finished actions: visible, announced, and not repeated after a reload. */

import { $ } from "./dom.js";

const SAID = ["done", "saved", "who", "new"];

// A reload would send the form again and repeat the notice.
function forget() {
  const here = new URL(location.href);
  for (const name of SAID) here.searchParams.delete(name);
  const place = $("[data-place]")?.dataset.place;
  history.replaceState(history.state, "", place ?? here);
}

function show(notice) {
  // A secret that is shown once gets the focus.
  const field = $("input[data-select-all]", notice);
  (field || notice).focus();
  notice.scrollIntoView({ block: "nearest" });
  forget();
}

// The browser goes to the fragment of the address with the first frames after the page has come,
// and takes the focus away then.
function afterFragment(done) {
  const frame = (next) => () => requestAnimationFrame(next);
  const begin = frame(frame(done));
  if (document.readyState === "complete") begin();
  else addEventListener("load", begin, { once: true });
}

export function start() {
  const notice = $("[data-told]");
  if (notice) afterFragment(() => show(notice));
}
