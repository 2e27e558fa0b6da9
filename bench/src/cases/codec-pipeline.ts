import type { Case, Contender, Place } from '../runner/case.ts'

const NAMES = ['plain', 'zstd', 'encrypted', 'zstd-encrypted', 'gzip-encrypted']

const itemsIn = ({ quick }: Place): number => (quick ? 1_000 : 20_000)

function throughAStore(does: 'set' | 'get', lanes: number): readonly Contender[] {
  return NAMES.map((name) => ({
    name,
    open: async (place) => {
      const { PIPELINES } = await import('../contenders/compressions.ts')
      const { storedDocuments } = await import('../contenders/stored-documents.ts')
      return storedDocuments(place, { items: itemsIn(place), lanes, codec: PIPELINES[name]!(), does })
    },
  }))
}

const others = NAMES.filter((name) => name !== 'plain')

/** Judged: compression and encryption together, as the front door's `codec` has them. */
export const codecPipeline: Case = {
  name: 'codec-pipeline',
  measures: 'set() of random documents of 1 KB, 128 at once, synchronous FULL, one file, by what the codec does',
  needsRedis: false,
  contenders: throughAStore('set', 128),
  targets: others.map((ours) => ({
    kind: 'times' as const,
    ours,
    against: ['plain'],
    ...(ours === 'zstd-encrypted' && { atLeast: 0.5 }),
  })),
}

/** Out of the file: near memory decodes a value once, whatever the codec. */
export const codecPipelineReads: Case = {
  name: 'codec-pipeline-reads',
  measures:
    'get() of random documents of 1 KB, 128 at once, out of the file, without near memory, by what the codec does',
  needsRedis: false,
  contenders: throughAStore('get', 128),
  targets: others.map((ours) => ({ kind: 'times' as const, ours, against: ['plain'] })),
}

const ALGORITHMS = ['plain', 'zstd', 'gzip', 'brotli', 'encrypted', 'zstd-encrypted']

function alone(does: 'encode' | 'decode'): Case {
  return {
    name: `compression-${does}`,
    measures: `codec.${does}() of documents of 1 KB, processor time; bytes of one in the notes`,
    needsRedis: false,
    contenders: ALGORITHMS.map((name) => ({
      name,
      open: async () => (await import('../contenders/compressions.ts')).compressions(name, does),
    })),
    targets: [
      // zstd is to be smaller, in less time.
      { kind: 'times', ours: 'zstd', against: ['gzip'], ...(does === 'encode' && { atLeast: 1 }) },
      ...ALGORITHMS.map((ours) => ({ kind: 'figure' as const, ours, per: 'document' })),
    ],
  }
}

export const compressionEncode: Case = alone('encode')
export const compressionDecode: Case = alone('decode')
