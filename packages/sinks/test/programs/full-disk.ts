// Writes ever more batches until the disk is full, says with what each one ended, and then which changes it knows to be written.
import { readFileSync } from 'node:fs'
import { jsonLines } from '@tidemark/sinks'

const [file = ''] = process.argv.slice(2)
const context = {
  signal: new AbortController().signal,
  idempotencyKey: ({ seq }: { readonly seq: number }) => `log:1:${seq}`,
}
const changeOf = (seq: number, size: number) => ({ seq, toJSON: () => ({ seq, value: 'x'.repeat(size) }) })

const sink = jsonLines(file)
const outcomes: unknown[] = []
const attempt = async (...changes: ReturnType<typeof changeOf>[]): Promise<void> => {
  try {
    await sink(changes, context)
    outcomes.push('written')
  } catch (error) {
    const { code, retryable } = error as { readonly code: string; readonly retryable: boolean }
    outcomes.push(`${code} ${retryable}`)
  }
  const text = readFileSync(file, 'utf8')
  outcomes.push(text.endsWith('\n'), text.split('\n').length - 1)
}
await attempt(changeOf(1, 1_000), changeOf(2, 1_000))
await attempt(changeOf(3, 1_000), changeOf(4, 100_000), changeOf(5, 1_000))
await attempt(changeOf(3, 100))
await sink.close()
process.stdout.write(JSON.stringify(outcomes))
