/** The errors of requests, and whether to try again. */

import { PASSING_ERRORS } from "../protocol.js";

/** An HTTP error. Status 0: no answer, so it is unknown what the server did. */
export class ApiError extends Error {
  constructor(status, detail, problem = {}) {
    super(detail);
    this.status = status;
    this.problem = problem;
  }

  /** Whether to send the same request again: no connection, overload, or a restart. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** A socket event was acknowledged with a refusal; `code` is the error's name. */
export class AckError extends Error {
  constructor(answer) {
    super(answer.detail || answer.error);
    this.code = answer.error;
    this.answer = answer;
  }
}

/** Whether the same request can never succeed. A logged-out person may log in again. */
export function isRefusal(error) {
  if (error instanceof AckError) return !PASSING_ERRORS.includes(error.code);
  return error instanceof ApiError && !error.isPassing && error.status !== 401;
}
