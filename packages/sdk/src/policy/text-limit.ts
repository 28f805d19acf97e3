/** The longest policy document that is read, in characters and in bytes. */
export const MAX_TEXT = 64 * 1024 * 1024;
