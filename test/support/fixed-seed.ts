// Gives every property the same input each time, where what a run takes of the source is measured: `VARVE_PROPERTY_SEED`.
import fc from "fast-check";

fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  seed: Number(process.env["VARVE_PROPERTY_SEED"]),
});
