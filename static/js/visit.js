/**
 * A visit: from when a channel is shown until another one takes its place on the same page. What
 * belongs to it listens with its signal, and is over when the visit is.
 */

let controller = new AbortController();

export function begin() {
  controller = new AbortController();
  return controller.signal;
}

export function end() {
  controller.abort();
}

/**
 * What is awaited for one visit is of no use to the next one: the result settles only while the
 * visit lasts in which it was asked for. Whoever serves several visits must not wait for it.
 */
export function during(promise) {
  const { signal } = controller;
  return new Promise((resolve, reject) => {
    promise.then(
      (value) => signal.aborted || resolve(value),
      (error) => signal.aborted || reject(error),
    );
  });
}
