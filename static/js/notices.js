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

export function start() {
  const notice = $("[data-told]");
  if (!notice) return;
  // A secret that is shown once gets the focus.
  const field = $("input[data-select-all]", notice);
  (field || notice).focus();
  notice.scrollIntoView({ block: "nearest" });
  forget();
}
