/**
 * Sets the first scroll position of the list of messages before the first paint: the linked message,
 * the reader's last position, where reading stopped, or the end. It is a classic script in the head,
 * because a module would run after the first paint. scroll.js continues from here.
 */

"use strict";

(() => {
  // A permalink names its message by the path (/m/12) or the fragment (#m12).
  function linkedRow() {
    const seq = /\/m\/(\d+)$/.exec(location.pathname)?.[1] || /^#m(\d+)$/.exec(location.hash)?.[1];
    return seq ? document.getElementById(`m${seq}`) : null;
  }

  // Kept by return.js when this page was left.
  function keptView(channel) {
    try {
      return JSON.parse(
        sessionStorage.getItem(`chat:${document.body.dataset.userId}:view:${channel}`),
      );
    } catch {
      return null;
    }
  }

  function toLinked(scroller, row) {
    row.classList.add("is-linked");
    row.classList.remove("is-continued"); // as separators.js has it
    row.scrollIntoView({ block: "center", behavior: "instant" });
  }

  function toKept(scroller, { row, top }) {
    const found = document.getElementById(row);
    if (found)
      scroller.scrollTop +=
        found.getBoundingClientRect().top - scroller.getBoundingClientRect().top - top;
  }

  function toUnread(scroller, line) {
    if (line.getBoundingClientRect().top >= scroller.getBoundingClientRect().top) return;
    line.scrollIntoView({ block: "start", behavior: "instant" }); // more is new than fits
  }

  function begin(scroller) {
    scroller.classList.add("is-steadied");
    scroller.scrollTop = scroller.scrollHeight;
    const linked = linkedRow();
    const kept = keptView(scroller.closest("main").dataset.channelId);
    const line = scroller.querySelector(".new-line");
    if (linked) toLinked(scroller, linked);
    else if (kept?.row) toKept(scroller, kept);
    else if (line) toUnread(scroller, line);
  }

  // The element is at the end of the page, so all elements that affect the height exist.
  customElements.define(
    "first-view",
    class extends HTMLElement {
      connectedCallback() {
        const scroller = document.getElementById("scroller");
        if (scroller) begin(scroller);
      }
    },
  );
})();
