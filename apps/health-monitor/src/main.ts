import { telemetry } from './start';
import { loadConfig, runService } from '@holdfast/observability';
import { healthConfig } from './config';
import { startHealthMonitor } from './health-monitor';

void runService(() => startHealthMonitor(loadConfig(healthConfig)), telemetry);
