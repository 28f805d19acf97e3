import { controlPlaneClientSuite } from "./fixture/client-suite.ts";
import { FakeControlPlane } from "./fixture/fake-control-plane.ts";

controlPlaneClientSuite("a control plane that keeps to the contract", () => FakeControlPlane.start());
