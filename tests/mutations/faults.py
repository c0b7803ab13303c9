"""Which faults are the tests to notice?"""

from tests.mutations import faults_ends, faults_messages, faults_routing, faults_supervision

FAULTS = (*faults_messages.FAULTS, *faults_supervision.FAULTS, *faults_ends.FAULTS, *faults_routing.FAULTS)
