import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ConflictError, ERROR_CODES, TidemarkError } from '../src/errors.ts'

test('docs/errors.md has a row for every code, and for nothing else', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  const rows = Array.from(page.matchAll(/^\| `([A-Z_]+)` \|/gm), ([, code]) => code)
  expect(rows).toEqual([...ERROR_CODES])
})

test('an error tells what failed, and whether trying again can help', () => {
  const cause = new Error('underneath')
  const error = new TidemarkError('BUSY', 'try again', { retryable: true, tier: 'sqlite', key: 'a', cause })
  expect(error).toMatchObject({ code: 'BUSY', retryable: true, tier: 'sqlite', key: 'a', cause, name: 'TidemarkError' })
  expect(new TidemarkError('IO', 'x')).toMatchObject({ retryable: false, tier: undefined, key: undefined })
  expect(new ConflictError('a', 3, 0).message).toBe(
    'a was expected at version 3, but it does not exist; read it again and retry',
  )
})
