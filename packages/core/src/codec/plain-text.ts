const BYTE_ORDER_MARK = 0xfeff

/** Whether UTF-8 gives the text back: it has no half surrogate pair, nor a first character that decoders strip. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && text.charCodeAt(0) !== BYTE_ORDER_MARK
}

/** Whether the bytes from `at` to `end` are the UTF-8 of plain text. cbor-x would replace what is not. */
export function isPlainUtf8(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at >= 3 && bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) return false
  while (at < end) {
    const lead = bytes[at++]!
    if (lead < 0x80) continue
    // RFC 3629: the second byte excludes overlong forms, surrogates and what is beyond U+10FFFF.
    let following = 1
    let lowest = 0x80
    let highest = 0xbf
    if (lead < 0xc2 || lead > 0xf4) return false
    if (lead >= 0xf0) {
      following = 3
      if (lead === 0xf0) lowest = 0x90
      else if (lead === 0xf4) highest = 0x8f
    } else if (lead >= 0xe0) {
      following = 2
      if (lead === 0xe0) lowest = 0xa0
      else if (lead === 0xed) highest = 0x9f
    }
    if (following > end - at) return false
    if (bytes[at]! < lowest || bytes[at]! > highest) return false
    for (let i = 1; i < following; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return false
    at += following
  }
  return true
}

/** UTF-16, little-endian: any text at all. */
export function codeUnitsOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    bytes[i * 2] = unit
    bytes[i * 2 + 1] = unit >> 8
  }
  return bytes
}

export function textOf(codeUnits: Uint8Array): string {
  const units = Uint16Array.from(
    { length: codeUnits.length / 2 },
    (_, i) => codeUnits[i * 2]! | (codeUnits[i * 2 + 1]! << 8),
  )
  let text = ''
  for (let i = 0; i < units.length; i += 4096) text += String.fromCharCode(...units.subarray(i, i + 4096))
  return text
}
