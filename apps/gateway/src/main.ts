import { telemetry } from './start';
import { loadConfig, runService } from '@holdfast/observability';
import { config } from './config';
import { startGateway } from './gateway';

void runService(() => startGateway(loadConfig(config)), telemetry);
