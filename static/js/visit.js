/**
 * A visit lasts from showing a channel until another one replaces it on the same page. Listeners of a
 * visit use its signal, which removes them at its end.
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
 * Binds a promise to the present visit: it settles only while this visit lasts, because the next visit
 * has no use for it. Code that serves several visits must not wait for it.
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
