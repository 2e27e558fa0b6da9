import type { Consumer } from 'tidemark'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkTotals } from '../src/checks/totals-check.ts'
import { countTotals, totalKey } from '../src/places/country-totals.ts'
import { type Api, BERLIN, BERN, startApi } from './support/api.ts'

const DEADLINE = { timeout: 15_000, interval: 20 }

let api: Api
beforeEach(async () => {
  api = await startApi()
})
afterEach(() => api.close())

async function counted(totals: Consumer): Promise<void> {
  await expect.poll(async () => (await totals.stats()).lag, DEADLINE).toBe(0)
}

async function edit(): Promise<void> {
  await api.send('PUT', '/places/1', BERLIN)
  await api.send('PUT', '/places/2', BERN)
  await api.send('PUT', '/places/3', BERN)
  await api.send('PATCH', '/places/1', { population: 1_000 })
  await api.send('PATCH', '/places/3', { country: 'DE', population: 7 })
  await api.send('DELETE', '/places/2')
  await api.send('PUT', '/places/4', { ...BERN, population: 0 })
}

describe('the totals of countries', () => {
  it('follow every edit: another population, another country, an end', async () => {
    // From before there was anybody to count them, and while there is.
    await edit()
    const totals = await countTotals(api.store)
    await api.send('PATCH', '/places/1', { population: 2_000 })
    await counted(totals)
    expect((await api.send('GET', '/countries/DE')).body).toEqual({ country: 'DE', places: 2, population: 2_007 })
    expect((await api.send('GET', '/countries/CH')).body).toEqual({ country: 'CH', places: 1, population: 0 })
    expect((await api.send('GET', '/countries/FR')).body).toEqual({ country: 'FR', places: 0, population: 0 })
    expect(await checkTotals(api.store)).toEqual({ countries: 2, differences: 0, first: null })
    await api.send('DELETE', '/places/4')
    await counted(totals)
    expect(await api.store.get(totalKey('CH'))).toBeUndefined()
    expect(await checkTotals(api.store)).toEqual({ countries: 1, differences: 0, first: null })
    expect((await api.send('GET', '/countries/Berlin')).body.error.code).toBe('INVALID_COUNTRY')
  })

  it('that are wrong are found, too many and too few', async () => {
    await edit()
    await counted(await countTotals(api.store, async () => undefined))
    const { differences, first } = await checkTotals(api.store)
    expect(differences).toBe(2)
    expect(first).toMatch(/^(DE|CH) has \d+ places with \d+ people, and \d+ places with \d+ people were counted$/)
    await api.store.delete(totalKey('DE'))
    expect((await checkTotals(api.store)).differences).toBe(2)
  })
})
