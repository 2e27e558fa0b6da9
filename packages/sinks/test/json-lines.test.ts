import { mkdir, readFile, rename, truncate, unlink, writeFile } from 'node:fs/promises'
import { createMemoryBack, Store, TidemarkError } from '@tidemark/core'
import { changes } from '@tidemark/hooks'
import { ShiftedClock } from '@tidemark/testkit'
import { beforeEach, describe, expect, it, onTestFinished, test } from 'vitest'
import { jsonLines, type JsonLinesOptions, type JsonLinesSink } from '../src/index.ts'
import { changeOf, changesOf, contextOf } from './support/changes.ts'
import { type TempFolder, tempFolder } from './support/temp-folder.ts'

const NAME = 'audit.jsonl'
const context = contextOf()
const DAY_MS = 86_400_000

let folder: TempFolder
beforeEach(async () => {
  folder = await tempFolder()
})

function open(options: JsonLinesOptions = {}): JsonLinesSink {
  const sink = jsonLines(folder.file(NAME), options)
  onTestFinished(() => sink.close())
  return sink
}

const seqs = async (name = NAME): Promise<number[]> => (await folder.lines(name)).map(({ seq }) => seq)
const allSeqs = async (): Promise<number[]> => (await folder.allLines(NAME)).map(({ seq }) => seq)
const text = (): Promise<string> => readFile(folder.file(NAME), 'utf8')

describe('lines', () => {
  it('has one for each change, with its id and its fields', async () => {
    const back = createMemoryBack()
    onTestFinished(() => back.close())
    const store = new Store(back)
    await store.set(['user', 42n], { name: 'Ada\n', born: new Date(0) }, { meta: 'import' })
    await store.delete(['user', 42n])
    const [batch] = await Array.fromAsync(take(changes(back.log, { from: 'start' })))
    await open()(batch!.changes, context)
    const [set, gone] = (await text()).trimEnd().split('\n')
    expect(set).toMatch(/^\{"id":"log:1:1","seq":1,/)
    expect(JSON.parse(set!)).toMatchObject({
      op: 'set',
      key: ['user', { $bigint: '42' }],
      value: { name: 'Ada\n', born: { $date: '1970-01-01T00:00:00.000Z' } },
      meta: 'import',
      prevVersion: 0,
    })
    expect(JSON.parse(gone!)).toMatchObject({ id: 'log:1:2', op: 'delete', prevVersion: 1 })
    expect(JSON.parse(gone!)).not.toHaveProperty('value')
  })

  it('follows what is there already, and other lines stay as they are', async () => {
    await writeFile(folder.file(NAME), '{"made":"elsewhere"}\nnot even JSON\n')
    await open()(changesOf(1, 2), context)
    expect((await text()).split('\n').map((line) => line.slice(0, 20))).toEqual([
      '{"made":"elsewhere"}',
      'not even JSON',
      '{"id":"log:1:1","seq',
      '{"id":"log:1:2","seq',
      '',
    ])
  })

  it('writes all batches that come at once, those of one lane in order', async () => {
    const sink = open()
    const lanes = ['a', 'b', 'c', 'd']
    await Promise.all(
      lanes.map(async (lane, i) => {
        for (let n = 0; n < 25; n++)
          await sink([changeOf(n * 8 + i * 2, lane), changeOf(n * 8 + i * 2 + 1, lane)], context)
      }),
    )
    const lines = await folder.lines(NAME)
    expect(lines.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i))
    for (const lane of lanes) {
      const own = lines.filter(({ key }) => key[0] === lane).map(({ seq }) => seq)
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
  })
})

describe('once', () => {
  it('writes what comes again only once, in the same process and in the next one', async () => {
    const first = open()
    await Promise.all([
      first(changesOf(1, 3), context),
      first(changesOf(1, 3), context),
      first(changesOf(2, 4), context),
    ])
    await first(changesOf(1, 5), context)
    // The first one is written while the others come together.
    await Promise.all([6, 7, 7, 7].map((seq) => first([changeOf(seq)], context)))
    await first.close()
    await open()(changesOf(4, 9), context)
    expect(await seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('writes a change that was set aside, and comes after later ones', async () => {
    const sink = open()
    await sink([changeOf(1), changeOf(3)], context)
    await sink([changeOf(2)], context)
    await sink([changeOf(2)], context)
    expect(await seqs()).toEqual([1, 3, 2])
  })

  it('tells the logs and epochs apart that share a file', async () => {
    const scopes = ['log:1', 'log:2', 'other "log":1']
    for (const scope of [...scopes, ...scopes]) {
      const sink = open()
      await sink(changesOf(1, 2), contextOf(scope))
      await sink.close()
    }
    expect((await folder.lines(NAME)).map(({ id }) => id)).toEqual(
      scopes.flatMap((scope) => [`${scope}:1`, `${scope}:2`]),
    )
  })

  it('does not write a batch that was taken from its owner, and does not keep it from the next one', async () => {
    const sink = open()
    const controller = new AbortController()
    const lost = sink(changesOf(1, 2), contextOf('log:1', controller.signal))
    const next = sink(changesOf(2, 3), context)
    controller.abort(new Error('lost'))
    await expect(lost).rejects.toThrow('lost')
    await next
    expect(await seqs()).toEqual([2, 3])
  })

  it('goes on behind what another process has written since', async () => {
    const [one, other] = [open(), open()]
    await one(changesOf(1, 2), context)
    await other(changesOf(2, 4), context)
    await one(changesOf(3, 5), context)
    expect(await seqs()).toEqual([1, 2, 3, 4, 5])
  })

  it('begins a new file when somebody has taken the old one away', async () => {
    const sink = open()
    await sink(changesOf(1, 2), context)
    await rename(folder.file(NAME), folder.file('taken'))
    await sink(changesOf(3, 4), context)
    expect(await seqs()).toEqual([3, 4])
    await unlink(folder.file(NAME))
    await sink(changesOf(5, 6), context)
    expect(await seqs()).toEqual([5, 6])
    await rename(folder.file('taken'), folder.file(NAME))
    await sink(changesOf(1, 6), context)
    expect(await seqs()).toEqual([1, 2, 3, 4, 5, 6])
  })
})

describe('after a crash', () => {
  it('cuts off a torn line, wherever it was torn, and writes it when it comes again', async () => {
    await open()(changesOf(1, 2), context)
    const whole = await text()
    const start = whole.indexOf('\n') + 1
    for (let end = start; end < whole.length; end++) {
      await writeFile(folder.file(NAME), whole.slice(0, end))
      const sink = open()
      await sink(changesOf(1, 2), context)
      await sink.close()
      expect(await text()).toBe(whole)
    }
  })

  it('cuts off space that was never written', async () => {
    await open()(changesOf(1, 2), context)
    const whole = await text()
    await truncate(folder.file(NAME), whole.length + 5_000)
    await open()(changesOf(2, 3), context)
    expect(await seqs()).toEqual([1, 2, 3])
  })

  it('does not touch a half line of somebody else', async () => {
    await writeFile(folder.file(NAME), 'notes\nwithout an end')
    await expect(open()(changesOf(1, 1), context)).rejects.toMatchObject({ code: 'CORRUPT', retryable: false })
    expect(await text()).toBe('notes\nwithout an end')
  })

  it('knows lines that are longer than it reads at once', async () => {
    const large = changeOf(1, 'k', 'x'.repeat(700_000))
    const first = open()
    await first([large, changeOf(2), changeOf(3, 'k', 'y'.repeat(300_000))], context)
    await first.close()
    await open()([large, ...changesOf(2, 4)], context)
    expect(await seqs()).toEqual([1, 2, 3, 4])
  })
})

describe('rotation', () => {
  it('begins a new file where a batch would make it too large', async () => {
    const sink = open({ rotate: { maxBytes: 200 } })
    for (let seq = 1; seq <= 9; seq++) await sink([changeOf(seq)], context)
    expect(await folder.names()).toEqual(['audit.00000001.1-3.jsonl', 'audit.00000002.4-6.jsonl', NAME])
    expect(await allSeqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('does not split a batch, however large', async () => {
    const sink = open({ rotate: { maxBytes: 200 } })
    await sink(changesOf(1, 20), context)
    await sink(changesOf(21, 40), context)
    expect(await folder.names()).toEqual(['audit.00000001.1-20.jsonl', NAME])
  })

  it('keeps to its bound when batches wait for each other', async () => {
    const sink = open({ rotate: { maxBytes: 200 } })
    await Promise.all(changesOf(1, 9).map((change) => sink([change], context)))
    for (const name of await folder.names()) expect((await readFile(folder.file(name))).length).toBeLessThanOrEqual(200)
    expect(await allSeqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('begins a new file with the first batch of another day, also when it was not there at midnight', async () => {
    const clock = new ShiftedClock()
    const rotate = { everyMs: DAY_MS }
    const sink = open({ clock, rotate })
    await sink(changesOf(1, 2), context)
    clock.step(DAY_MS)
    await sink(changesOf(3, 4), context)
    await sink(changesOf(5, 6), context)
    await sink.close()
    clock.step(DAY_MS)
    await open({ clock, rotate })(changesOf(7, 8), context)
    expect(await folder.names()).toEqual(['audit.00000001.1-2.jsonl', 'audit.00000002.3-6.jsonl', NAME])
  })

  it('does not write again what an earlier file holds, compressed or not', async () => {
    for (const gzip of [false, true]) {
      const rotate = { maxBytes: 200, gzip }
      const first = open({ rotate })
      for (let seq = 1; seq <= 9; seq++) await first([changeOf(seq)], context)
      await first(changesOf(1, 9), context)
      await first.close()
      const second = open({ rotate })
      await second(changesOf(1, 12), context)
      await second.close()
      expect((await allSeqs()).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    }
  })

  it('compresses in the background, and closes when that is done', async () => {
    const sink = open({ rotate: { maxBytes: 200, gzip: true } })
    for (let seq = 1; seq <= 9; seq++) await sink([changeOf(seq)], context)
    await sink.close()
    expect(await folder.names()).toEqual(['audit.00000001.1-3.jsonl.gz', 'audit.00000002.4-6.jsonl.gz', NAME])
    expect(await allSeqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('finishes a compression that a crash has ended', async () => {
    const first = open({ rotate: { maxBytes: 200 } })
    for (let seq = 1; seq <= 9; seq++) await first([changeOf(seq)], context)
    await first.close()
    await writeFile(folder.file('audit.00000001.1-3.jsonl.gz.partial'), 'half')
    const second = open({ rotate: { maxBytes: 200, gzip: true } })
    await second([changeOf(10)], context)
    await second.close()
    expect((await folder.names()).slice(0, 2)).toEqual(['audit.00000001.1-3.jsonl.gz', 'audit.00000002.4-6.jsonl.gz'])
    expect(await allSeqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('removes what a crash has left of a compression', async () => {
    await writeFile(folder.file('audit.00000001.1-3.jsonl.gz.partial'), 'half')
    await open()([changeOf(1)], context)
    expect(await folder.names()).toEqual([NAME])
  })

  it('keeps the newest files, by when they were written, and leaves strangers alone', async () => {
    await writeFile(folder.file('audit.2020.jsonl'), '')
    await writeFile(folder.file('other.00000001.1-3.jsonl'), '')
    const sink = open({ rotate: { maxBytes: 200, keep: 2 } })
    for (let seq = 101; seq <= 106; seq++) await sink([changeOf(seq)], context)
    // Of another epoch, in which seqs begin anew.
    for (let seq = 1; seq <= 6; seq++) await sink([changeOf(seq)], contextOf('log:2'))
    await sink.close()
    expect((await folder.names()).filter((name) => name.startsWith('audit.0'))).toEqual([
      'audit.00000002.104-106.jsonl',
      'audit.00000003.1-3.jsonl',
    ])
    expect(await folder.names()).toContain('audit.2020.jsonl')
    expect(await folder.names()).toContain('other.00000001.1-3.jsonl')
  })

  it('tells whoever closes it that compressing has failed, and loses nothing', async () => {
    const first = open({ rotate: { maxBytes: 200 } })
    for (let seq = 1; seq <= 4; seq++) await first([changeOf(seq)], context)
    await first.close()
    // Nothing can be renamed to what is a folder.
    await mkdir(folder.file('audit.00000001.1-3.jsonl.gz'))
    const errors: unknown[] = []
    const sink = jsonLines(folder.file(NAME), { rotate: { gzip: true } })
    await sink([changeOf(5)], context)
    await expect(sink.close()).rejects.toMatchObject({ code: 'IO' })
    await expect(sink.close()).rejects.toMatchObject({ code: 'IO' })
    const told = open({ rotate: { gzip: true }, onError: (error) => errors.push(error) })
    await told([changeOf(6)], context)
    await told.close()
    expect(errors).toHaveLength(1)
    expect(await seqs('audit.00000001.1-3.jsonl')).toEqual([1, 2, 3])
    expect(await seqs()).toEqual([4, 5, 6])
  })
})

describe('failures', () => {
  it('refuses a change that cannot be decoded, and the rest of its batch with it', async () => {
    const damaged = {
      seq: 2,
      toJSON: () => {
        throw new TidemarkError('CORRUPT', 'damaged')
      },
    }
    const sink = open()
    await expect(sink([changeOf(1), damaged], context)).rejects.toMatchObject({ code: 'CORRUPT' })
    await sink([changeOf(1)], context)
    expect(await seqs()).toEqual([1])
  })

  it('says which folder is missing, and writes when it is there', async () => {
    const sink = jsonLines(folder.file('later/audit.jsonl'))
    onTestFinished(() => sink.close())
    await expect(sink(changesOf(1, 1), context)).rejects.toMatchObject({ code: 'FOLDER_MISSING' })
    await mkdir(folder.file('later'))
    await sink(changesOf(1, 1), context)
    expect(await seqs('later/audit.jsonl')).toEqual([1])
  })

  it('is closed for good, after what it was given before', async () => {
    const sink = open()
    const last = sink(changesOf(1, 2), context)
    await sink.close()
    expect(await seqs()).toEqual([1, 2])
    await last
    await sink.close()
    await expect(sink(changesOf(3, 3), context)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('says what is missing when it is handed a change that is no batch', async () => {
    const handler = open() as (change: unknown, given: unknown) => Promise<void>
    await expect(handler(changeOf(1), context)).rejects.toThrow(
      new TypeError('a sink takes batches: give the consumer the option batch, say batch: 100'),
    )
    expect(await folder.names()).toEqual([])
  })

  test.each<[unknown, string]>([
    [{ sink: true }, 'unknown option sink of jsonLines; allowed: sync, rotate, onError, clock'],
    [{ sync: 1 }, 'option sync must be true or false, not 1'],
    [{ rotate: { maxBytes: 0 } }, 'option rotate.maxBytes must be a whole number of at least 1, not 0'],
    [{ rotate: { daily: true } }, 'unknown option daily of rotate; allowed: maxBytes, everyMs, gzip, keep'],
    [{ rotate: { keep: 0 } }, 'option rotate.keep must be a whole number of at least 1, not 0'],
  ])('refuses the options %j', (options, message) => {
    expect(() => jsonLines('x', options as JsonLinesOptions)).toThrow(message)
  })
})

async function* take<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const one of source) {
    yield one
    return
  }
}
