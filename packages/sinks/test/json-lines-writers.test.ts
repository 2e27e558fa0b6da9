import { link, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { jsonLines, type JsonLinesOptions, type JsonLinesSink } from '../src/index.ts'
import { changeOf, changesOf, contextOf } from './support/changes.ts'
import { holdNextRename } from './support/held-rename.ts'
import { holdNextWrite } from './support/held-write.ts'
import { type TempFolder, tempFolder } from './support/temp-folder.ts'

const NAME = 'audit.jsonl'
const context = contextOf()
const options = { sync: false, rotate: { maxBytes: 900 } }

let folder: TempFolder
beforeEach(async () => {
  folder = await tempFolder()
})

function open(more: JsonLinesOptions = {}): JsonLinesSink {
  const sink = jsonLines(folder.file(NAME), { ...options, ...more })
  onTestFinished(() => sink.close())
  return sink
}

const allSeqs = async (): Promise<number[]> =>
  (await folder.allLines(NAME)).map(({ seq }) => seq).toSorted((a, b) => a - b)
const upTo = (last: number): number[] => changesOf(1, last).map(({ seq }) => seq)

describe('an owner that is stopped just before it moves the file', () => {
  it('overwrites nothing when the next owner has moved it, and has written to a new one', async () => {
    const [next, stopped] = [open(), open()]
    await next(changesOf(1, 12), context)
    await stopped(changesOf(1, 12), context)
    const held = holdNextRename()
    const late = stopped(changesOf(13, 20), context)
    await held.reached
    await next(changesOf(13, 20), context)
    held.release()
    await late
    expect(await allSeqs()).toEqual(upTo(20))
    expect(await folder.names()).toEqual(['audit.00000001.1-12.jsonl', 'audit.00000002.13-20.jsonl', NAME])
    await next(changesOf(13, 30), context)
    await stopped(changesOf(21, 40), context)
    expect(await allSeqs()).toEqual(upTo(40))
  })

  it('goes on in a new file when somebody has taken the old one away', async () => {
    const sink = open()
    await sink(changesOf(1, 12), context)
    const held = holdNextRename()
    const late = sink(changesOf(13, 20), context)
    await held.reached
    await rename(folder.file(NAME), folder.file('taken'))
    held.release()
    await late
    expect(await folder.names()).toEqual([NAME, 'taken'])
    expect((await folder.lines(NAME)).map(({ seq }) => seq)).toEqual(changesOf(13, 20).map(({ seq }) => seq))
  })
})

describe('between its last look at the file and its write a sink does not notice', () => {
  const seqsOf = async (name: string): Promise<number[]> => (await folder.lines(name)).map(({ seq }) => seq)
  const whole = { rotate: {} }

  it('that the next owner has written the batch: its lines are there twice, the same bytes, and none of a later one', async () => {
    const [stopped, next] = [open(whole), open(whole)]
    await stopped(changesOf(1, 3), context)
    const held = await holdNextWrite()
    const late = stopped(changesOf(4, 5), context)
    await held.reached
    await next(changesOf(4, 6), context)
    held.release()
    await late
    await stopped(changesOf(5, 8), context)
    await next(changesOf(7, 9), context)
    expect(await seqsOf(NAME)).toEqual([1, 2, 3, 4, 5, 6, 4, 5, 7, 8, 9])
    const lines = (await readFile(folder.file(NAME), 'utf8')).split('\n')
    expect(lines.slice(6, 8)).toEqual(lines.slice(3, 5))
  })

  it('that somebody has moved the file away: its batch is in that one, and in the new one', async () => {
    const sink = open(whole)
    await sink(changesOf(1, 3), context)
    const held = await holdNextWrite()
    const late = sink(changesOf(4, 5), context)
    await held.reached
    await rename(folder.file(NAME), folder.file('taken'))
    held.release()
    await late
    await sink(changesOf(5, 7), context)
    expect([await seqsOf('taken'), await seqsOf(NAME)]).toEqual([
      [1, 2, 3, 4, 5],
      [4, 5, 6, 7],
    ])
  })
})

it('does not take the name of a file that is there, whoever made it', async () => {
  const sink = open()
  await sink(changesOf(1, 12), context)
  await writeFile(folder.file('audit.00000001.1-12.jsonl'), 'not ours\n')
  await sink(changesOf(13, 20), context)
  expect(await readFile(folder.file('audit.00000001.1-12.jsonl'), 'utf8')).toBe('not ours\n')
  expect((await folder.lines('audit.00000002.1-12.jsonl')).map(({ seq }) => seq)).toEqual(upTo(12))
})

it('ends a rotation that a crash has ended', async () => {
  const first = open()
  await first(changesOf(1, 12), context)
  await first.close()
  const moved = 'audit.00000001.1-12.jsonl.00000000-0000-4000-8000-000000000000.moved'
  await rename(folder.file(NAME), folder.file(moved))
  await open()(changesOf(10, 14), context)
  expect(await folder.names()).toEqual(['audit.00000001.1-12.jsonl', NAME])
  expect(await allSeqs()).toEqual(upTo(14))
  // It died between the two names.
  await link(folder.file('audit.00000001.1-12.jsonl'), folder.file(moved))
  await open()(changesOf(10, 16), context)
  expect(await folder.names()).toEqual(['audit.00000001.1-12.jsonl', NAME])
  expect(await allSeqs()).toEqual(upTo(16))
})

describe('two writers at once', () => {
  it.each([false, true])(
    'lose nothing of what they say is written, and are told that there are two, gzip: %s',
    async (gzip) => {
      const rotate = { ...options.rotate, gzip }
      const sinks = [open({ rotate, onError: () => {} }), open({ rotate, onError: () => {} })]
      const written: number[] = []
      const failures: unknown[] = []
      await Promise.all(
        sinks.map(async (sink, i) => {
          for (let seq = i + 1; seq <= 400; seq += 2) {
            await sink([changeOf(seq)], context).then(
              () => written.push(seq),
              (error: unknown) => failures.push(error),
            )
          }
        }),
      )
      await Promise.all(sinks.map((sink) => sink.close()))
      // More may be there: a line may be in the file that was just moved away, and in the next one.
      const found = new Set(await allSeqs())
      expect(written.filter((seq) => !found.has(seq))).toEqual([])
      expect(failures.length).toBeGreaterThan(0)
      for (const failure of failures) {
        expect(failure).toMatchObject({ code: 'BUSY', retryable: true, message: expect.stringContaining('lanes: 1') })
      }
    },
  )

  it('are told when they take turns, until one of them is alone', async () => {
    const [one, other] = [open(), open()]
    const failures: unknown[] = []
    for (let seq = 1; seq <= 20; seq++) {
      await (seq % 2 === 0 ? one : other)([changeOf(seq)], context).catch((error: unknown) => failures.push(error))
    }
    expect(failures).not.toEqual([])
    await one([changeOf(21)], context).catch(() => {})
    await one([changeOf(22)], context)
    expect(await allSeqs()).toContain(22)
  })
})

it('does not ask for a folder that is there', async () => {
  await mkdir(folder.file('sub'))
  const sink = jsonLines(folder.file('sub/audit.jsonl'), { rotate: { gzip: true } })
  await writeFile(folder.file('sub/audit.00000001.1-3.jsonl'), '{"id":"log:1:1"}\n')
  const held = holdNextRename()
  await sink([changeOf(9)], context)
  await held.reached
  const partial = (await readdir(folder.file('sub'))).find((name) => name.endsWith('.partial'))
  await rename(folder.file(`sub/${partial}`), folder.file('sub/elsewhere'))
  held.release()
  await expect(sink.close()).rejects.toMatchObject({ code: 'IO', retryable: true })
})
