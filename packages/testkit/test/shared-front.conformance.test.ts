import { sharedFrontConformance, simulatedFront, SimulatedServer } from '../src/index.ts'

// The simulated front stands in for the one over Redis, and keeps the same promises.
sharedFrontConformance('simulated', ({ clock }) => {
  const server = new SimulatedServer({ clock })
  return {
    open: () => simulatedFront(server, { clock, commandTimeoutMs: 5_000 }),
    evict: async (key) => void server.evict(key.id),
    loseMeta: async () => server.loseMeta(),
    refuseMore: async (refuses) => void (server.full = refuses),
  }
})
