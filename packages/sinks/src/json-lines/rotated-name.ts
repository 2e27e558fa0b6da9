import { basename, dirname, extname, join } from 'node:path'

/** A file that is appended to no more. */
export interface RotatedName {
  /** How many files were before it, ever: names sort in the order in which they were written. */
  readonly number: number
  /** The lowest and the highest seq in it. */
  readonly min: number
  readonly max: number
}

/** How rotated files are called: `audit.jsonl` becomes `audit.00000001.1-500.jsonl`, and with `.gz` it is compressed. */
export interface RotatedNames {
  readonly folder: string
  readonly pathOf: (name: RotatedName) => string
  /** @returns undefined: it is none of these files */
  readonly parse: (file: string) => (RotatedName & { readonly ending: '' | '.gz' | '.partial' | '.moved' }) | undefined
}

export function rotatedNames(path: string): RotatedNames {
  const folder = dirname(path)
  const extension = extname(path)
  const stem = basename(path, extension)
  const pattern = /^\.(\d{8,})\.(\d+)-(\d+)$/
  /** Compressions that are not whole, and files on their way to their name; each is called after who is at it, too. */
  const unfinished = /(?:\.gz(?:\.[0-9a-f-]{36})?(\.partial)|\.[0-9a-f-]{36}(\.moved))$/
  return {
    folder,
    pathOf: ({ number, min, max }) =>
      join(folder, `${stem}.${String(number).padStart(8, '0')}.${min}-${max}${extension}`),
    parse(file) {
      const ends = unfinished.exec(file)
      const ending = ends !== null ? (ends[1] === undefined ? '.moved' : '.partial') : file.endsWith('.gz') ? '.gz' : ''
      const plain = file.replace(ends === null ? /\.gz$/ : unfinished, '')
      if (!plain.startsWith(stem) || !plain.endsWith(extension)) return undefined
      const found = pattern.exec(plain.slice(stem.length, plain.length - extension.length))
      if (found === null) return undefined
      return { number: Number(found[1]), min: Number(found[2]), max: Number(found[3]), ending }
    },
  }
}
