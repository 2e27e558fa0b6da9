/** Words of which texts are made, so that they are as compressible as texts are. */
const WORDS =
  'the of and to in is that for was on are with as it be at by this had not from but have an they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our man me even most made after also well many must before back through years where much way down should because long each just state people those too mr how little good world'.split(
    ' ',
  )

/** A small generator: the same numbers on every machine. */
function numbersFrom(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state
  }
}

/** What an application stores of an order, say: about 1,000 bytes as CBOR. `revision` tells two writes of one apart. */
export interface Document {
  readonly id: string
  readonly revision: number
  readonly customer: { readonly name: string; readonly email: string; readonly city: string }
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly price: number }[]
  readonly tags: readonly string[]
  readonly note: string
}

export function documentOf(number: number, revision = 0): Document {
  const next = numbersFrom(number + 1)
  const word = (): string => WORDS[(next() >>> 8) % WORDS.length]!
  const words = (count: number): string => Array.from({ length: count }, word).join(' ')
  return {
    id: `order-${100_000 + number}`,
    revision,
    customer: {
      name: `Augusta Ada King ${number}`,
      email: `augusta.ada.king.${number}@mail.example.org`,
      city: word(),
    },
    lines: Array.from({ length: 6 }, () => ({
      sku: (next() >>> 4).toString(36).toUpperCase().padStart(8, '0'),
      quantity: 1 + ((next() >>> 8) % 9),
      price: ((next() >>> 8) % 100_000) / 100,
    })),
    tags: [word(), word(), word()],
    note: words(135),
  }
}
