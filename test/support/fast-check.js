// Every property draws from one seed, so that what fails once fails again. TEST_SEED draws other data.
const fc = require('../../node_modules/fast-check/lib/cjs/fast-check.js');

fc.configureGlobal({ seed: Number(process.env.TEST_SEED ?? 4711) });
module.exports = fc;
