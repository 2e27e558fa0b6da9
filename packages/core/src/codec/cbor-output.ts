/** What the rarer types are written with. `depth` counts the containers around a value. */
export interface CborOutput {
  /** Any value. */
  item(value: unknown, depth: number): void
  /** Whatever is written as a container passes here. @throws Refusal beyond MAX_DEPTH, of which readers refuse the same. */
  enter(container: object | undefined, depth: number): void
  /** The own enumerable string-keyed properties, in their order. */
  record(value: Record<string, unknown>, depth: number): void
  /** An initial byte and its argument, which has at most 32 bits. */
  head(major: number, argument: number): void
  number(value: number): void
  byteString(content: Uint8Array): void
}
