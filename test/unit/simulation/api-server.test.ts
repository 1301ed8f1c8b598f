import { apiConformance } from '../../support/api-conformance.ts';
import { ManualClock } from '../../support/clock.ts';
import { ModelCandidate } from '../../support/model-candidate.ts';

// Every call is made in another second: what carries a time must not change for that alone.
const clock = new ManualClock();
apiConformance(new ModelCandidate(clock, () => clock.set(clock.now() + 1_000)));
