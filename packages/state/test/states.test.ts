import { expect, test } from 'vitest'
import { states } from '../src/index.ts'
import { openTemp, tempFile } from './support/temp.ts'

test('states are there again after a restart, and others have their default', async () => {
  const file = tempFile()
  {
    const { store } = openTemp({ file })
    const app = await states(store)
    const one = app.define('one', 150)
    expect([one.value, app.define('two', 'abc').value]).toEqual([150, 'abc'])
    one.value = 1000
    await app.saveAll()
    one.value = 2000
    await app.reloadAll()
    expect(one.value).toBe(1000)
  }
  const { store } = openTemp({ file })
  const app = await states(store)
  expect([app.define('one', 150).value, app.define('two', 'x').value, app.define('three', 3).value]).toEqual([
    1000,
    'abc',
    3,
  ])
  await expect(app.reloadAll()).rejects.toMatchObject({ code: 'NEVER_SAVED' })
})
