// The same properties as in `npm test`, ten times as often.
process.env.FUZZ_RUNS = '6000'
await import('../src/fuzz.test.js')
await import('../process/fuzz-http.test.js')
