/** Helpers for the page: find elements, build them safely, and the id of the reader. */

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** The reader. The id is empty before `find`, and on pages of anonymous visitors. */
export const me = { id: "", nickname: "", role: "", isModerator: false };

export function find() {
  const { userId = "", nickname = "", role = "" } = document.body.dataset;
  const isModerator = ["moderator", "admin", "owner"].includes(role);
  Object.assign(me, { id: userId, nickname, role, isModerator });
}

export const csrfToken = () => $('meta[name="csrf-token"]')?.content || "";

/** Build an element; text always goes in as text. */
export function el(tag, { class: className, text, data, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  Object.assign(node.dataset, data);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/**
 * The only place where HTML becomes nodes. Only HTML that the server rendered and sanitised may be
 * passed. A parsed document is inert: no script runs and no handler attribute is bound.
 */
export const documentOf = (html) => new DOMParser().parseFromString(html, "text/html");

export function fragmentOf(html) {
  const fragment = document.createDocumentFragment();
  fragment.append(...documentOf(html).body.childNodes);
  return document.adoptNode(fragment);
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `/static/vendor/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Debounce: run `fn` when it was not called for `ms`. */
export function debounce(fn, ms) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
}

/** A version 4 UUID; `crypto.randomUUID` exists only in secure contexts, and http is allowed. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** 0.5 to 1.5 times `ms`, so that many browsers do not reconnect at the same moment. */
export const jittered = (ms) => ms * (0.5 + Math.random());

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
