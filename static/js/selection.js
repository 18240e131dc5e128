/** Copied messages are plain: author, time and text of each. */

import { $, $$, el } from "./dom.js";
import { list, rows } from "./messages.js";

function textOf(fragment) {
  const holder = el("div", {}, fragment);
  for (const node of $$("br", holder)) node.replaceWith("\n");
  for (const node of $$("p, li, pre", holder)) node.append("\n");
  return holder.textContent.replace(/\n+/g, "\n").trim();
}

function selectedIn(body, range) {
  const part = range.cloneRange();
  if (!body.contains(range.startContainer)) part.setStart(body, 0);
  if (!body.contains(range.endContainer)) part.setEnd(body, body.childNodes.length);
  const isWhole = part.toString().trim() === body.textContent.trim();
  return isWhole ? body.innerText : textOf(part.cloneContents());
}

function lines(row, range) {
  const head = [".message-author", ".message-time"].map((selector) => $(selector, row).textContent);
  return `${head.join(", ")}\n${selectedIn($(".message-body", row), range)}`;
}

function onCopy(event) {
  const selection = getSelection();
  if (selection.isCollapsed || event.target.closest?.("textarea, input")) return;
  const range = selection.getRangeAt(0);
  if (!range.intersectsNode(list)) return;
  const copied = rows().filter((row) => range.intersectsNode($(".message-body", row)));
  if (copied.length < 2) return; // of one message the text alone
  event.clipboardData.setData("text/plain", copied.map((row) => lines(row, range)).join("\n"));
  event.preventDefault();
}

export function enter(signal) {
  document.addEventListener("copy", onCopy, { signal });
}
