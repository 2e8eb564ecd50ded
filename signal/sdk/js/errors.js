// Every error of the SDK carries a stable `code`; the message is for people
// who develop, not for people in a call.

/**
 * Codes the SDK adds to those of the server (see signal/PROTOCOL.md):
 * `aborted`, `connection_lost`, `timeout`, `unsupported`, `closed`,
 * `bad_argument`.
 */
export class AtriumError extends Error {
  /**
   * @param {string} code stable, for programs
   * @param {string} message
   * @param {{retry?: boolean, cause?: unknown}} [more] retry: trying again may work
   */
  constructor(code, message, more = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'AtriumError';
    this.code = code;
    this.retry = more.retry === true;
  }
}

/**
 * Makes an AtriumError of whatever was thrown.
 * @param {unknown} err
 * @param {string} code used when err has none
 * @returns {AtriumError}
 */
export function asAtriumError(err, code) {
  if (err instanceof AtriumError) return err;
  const message = err instanceof Error ? err.message : String(err);
  return new AtriumError(code, message, { cause: err });
}
