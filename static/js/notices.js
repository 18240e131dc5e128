/** What has just been done is seen, read out, and said once: not again when the page is reloaded. */

import { $ } from "./dom.js";

const SAID = ["done", "saved", "who", "new"];

// A reload would send the form again that made this page, and say everything a second time.
function forget() {
  const here = new URL(location.href);
  for (const name of SAID) here.searchParams.delete(name);
  const place = $("[data-place]")?.dataset.place;
  history.replaceState(history.state, "", place ?? here);
}

export function start() {
  const notice = $("[data-told]");
  if (!notice) return;
  // What is shown once has the focus in the field that holds it.
  const field = $("input[data-select-all]", notice);
  (field || notice).focus();
  notice.scrollIntoView({ block: "nearest" });
  forget();
}
