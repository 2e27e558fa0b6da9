/** The end of a range that has none, above every key: no encoded key starts with this byte. */
export const NO_END: Uint8Array = Uint8Array.of(0xff)
