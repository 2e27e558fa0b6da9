/** What every contender stores: plain JSON, about 100 bytes (102 as CBOR, 120 as JSON). */
export interface Item {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly n: number
  readonly flag: boolean
}

/** Ids have six digits from the first on, so that every item has the same size. */
const FIRST_ID = 100_000

/** The item with this number. `revision` tells two writes of one item apart. */
export function itemOf(number: number, revision = 0): Item {
  const id = FIRST_ID + number
  return {
    id,
    name: `Augusta Ada King ${id}`,
    email: `augusta.ada.king.${id}@mail.example.org`,
    n: revision,
    flag: number % 2 === 0,
  }
}

/** The string keys of the items 0 to `count` - 1. */
export function stringKeys(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => `k${FIRST_ID + number}`)
}
