import { describe, expect, test } from 'vitest'
import { createSqliteBack, type SqliteBackOptions } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'

describe('options', () => {
  test.each<[string, object, new () => Error]>([
    ['file', { file: undefined }, TypeError],
    ['file', { file: '' }, RangeError],
    ['file', { file: 'a\0b' }, RangeError],
    ['flie', { flie: 'a' }, TypeError],
    ['mode', { mode: 'append' }, RangeError],
    ['mode', { mode: 1 }, TypeError],
    ['mode', { mode: 'open' }, RangeError],
    ['mode', { file: 'x.db', readOnly: true, mode: 'create' }, RangeError],
    ['readOnly', { readOnly: 'yes' }, TypeError],
    ['codec', { codec: {} }, TypeError],
    ['name', { name: '' }, RangeError],
    ['synchronous', { synchronous: 'off' }, RangeError],
    ['busyTimeoutMs', { busyTimeoutMs: -1 }, RangeError],
    ['busyTimeoutMs', { busyTimeoutMs: Number.NaN }, RangeError],
    ['busyTimeoutMs', { busyTimeoutMs: '5' }, TypeError],
    ['pollMs', { pollMs: 0 }, RangeError],
    ['maxGroup', { maxGroup: 1.5 }, RangeError],
    ['minGroup', { minGroup: 0 }, RangeError],
    ['minGroup', { minGroup: 11, maxGroup: 10 }, RangeError],
    ['clock', { clock: { now: () => 0 } }, TypeError],
    ['onError', { onError: 'log' }, TypeError],
  ])('a wrong %s is refused by name: %j', (name, wrong, type) => {
    const open = (): unknown => createSqliteBack({ file: ':memory:', ...wrong } as SqliteBackOptions)
    expect(open).toThrow(type)
    expect(open).toThrow(name)
  })

  test('defaults are filled in once and frozen', () => {
    const options = resolveOptions({ file: 'some.db' })
    expect(options).toMatchObject({
      mode: 'open-or-create',
      readOnly: false,
      name: 'sqlite',
      synchronous: 'full',
      busyTimeoutMs: 5000,
    })
    expect(options.pollMs()).toBe(2)
    expect(Object.isFrozen(options)).toBe(true)
  })
})
