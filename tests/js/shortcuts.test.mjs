// Keys: which shortcut a press is, where it leads, and what sends a message.

import assert from "node:assert/strict";
import { test } from "node:test";

import { channelBeside, shortcutOf } from "../../static/js/logic/shortcuts.js";
import { hasContent, hasPlace, isSendKey, lengthOf } from "../../static/js/logic/writing.js";

test("Ctrl or ⌘ with K opens the switcher, whatever the layout calls the key", () => {
  assert.equal(shortcutOf({ code: "KeyK", key: "л", ctrlKey: true }), "switcher");
  assert.equal(shortcutOf({ code: "KeyK", key: "k", metaKey: true }), "switcher");
});

test("the same letter with other keys, or alone, is left to the browser", () => {
  assert.equal(shortcutOf({ code: "KeyK" }), null);
  assert.equal(shortcutOf({ code: "KeyK", ctrlKey: true, shiftKey: true }), null);
  assert.equal(shortcutOf({ code: "KeyK", ctrlKey: true, altKey: true }), null); // AltGr
});

test("Alt with an arrow goes through the channels", () => {
  assert.equal(shortcutOf({ code: "ArrowUp", altKey: true }), "previous");
  assert.equal(shortcutOf({ code: "ArrowDown", altKey: true, shiftKey: true }), "next");
  assert.equal(shortcutOf({ code: "ArrowDown" }), null);
});

test("Esc closes, but not while an input method uses it", () => {
  assert.equal(shortcutOf({ code: "Escape" }), "escape");
  assert.equal(shortcutOf({ code: "Escape", isComposing: true }), null);
  assert.equal(shortcutOf({ code: "Escape", shiftKey: true }), null);
});

const list = (...marks) =>
  marks.map((mark, at) => ({ at, isCurrent: mark === "here", unread: mark === "new" ? 1 : 0 }));

test("the next channel goes round at both ends", () => {
  assert.equal(channelBeside(list("here", "", ""), -1).at, 2);
  assert.equal(channelBeside(list("", "", "here"), 1).at, 0);
});

test("from a page of no channel one comes to the first or the last", () => {
  assert.equal(channelBeside(list("", "", ""), 1).at, 0);
  assert.equal(channelBeside(list("", "", ""), -1).at, 2);
});

test("with Shift only channels with something unread count", () => {
  assert.equal(channelBeside(list("new", "", "here", "", "new"), 1, true).at, 4);
  assert.equal(channelBeside(list("new", "", "here", "", ""), 1, true).at, 0);
  assert.equal(channelBeside(list("", "", "here"), 1, true), null);
});

test("where there is no other channel nothing happens", () => {
  assert.equal(channelBeside(list("here"), 1), null);
  assert.equal(channelBeside([], 1), null);
});

const yes = () => true;
const no = () => false;

test("Enter sends where there is a keyboard, and starts a line where there is none", () => {
  assert.equal(isSendKey({ key: "Enter" }, yes), true);
  assert.equal(isSendKey({ key: "Enter" }, no), false);
  assert.equal(isSendKey({ key: "Enter", shiftKey: true }, yes), false);
});

test("Ctrl or ⌘ with Enter sends everywhere", () => {
  assert.equal(isSendKey({ key: "Enter", ctrlKey: true }, no), true);
  assert.equal(isSendKey({ key: "Enter", metaKey: true }, no), true);
});

test("the Enter that picks a word in an input method sends nothing", () => {
  assert.equal(isSendKey({ key: "Enter", isComposing: true }, yes), false);
  assert.equal(isSendKey({ key: "Enter", keyCode: 229, ctrlKey: true }, yes), false);
});

test("a key of a keyboard on the screen has no place", () => {
  assert.equal(hasPlace({ code: "KeyA", keyCode: 65 }), true);
  assert.equal(hasPlace({ code: "", keyCode: 229 }), false);
  assert.equal(hasPlace({ code: "Unidentified", keyCode: 0 }), false);
});

test("a message is as long as the server counts it: characters after trimming", () => {
  assert.equal(lengthOf("  ab \n"), 2);
  assert.equal(lengthOf("👍🏽"), 2); // a thumb and a colour, of two halves each
  assert.equal(hasContent({ text: " \n\t" }), false);
  assert.equal(hasContent({ text: " x " }), true);
});
