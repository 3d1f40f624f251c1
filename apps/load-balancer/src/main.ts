import { telemetry } from './start';
import { loadConfig, runService } from '@holdfast/observability';
import { balancerConfig } from './config';
import { startLoadBalancer } from './load-balancer';

void runService(() => startLoadBalancer(loadConfig(balancerConfig)), telemetry);
