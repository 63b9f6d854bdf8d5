// What n2p2 computes for a 2G potential, as JSON with all digits:  n2p2_probe FOLDER STRUCTURES
// Symmetry functions come from a second set-up without scaling, so that nothing is lost by undoing it.
#include "Mode.h"
#include "Structure.h"
#include <cstdio>
#include <fstream>

using namespace nnp;
using namespace std;

static void start(Mode& mode, string const& folder)
{
    mode.log.writeToStdout = false;
    mode.initialize();
    mode.loadSettingsFile(folder + "/input.nn");
    mode.setupGeneric();
}

static void prepare(Mode& mode, Structure& structure)
{
    mode.removeEnergyOffset(structure);
    if (mode.useNormalization()) mode.convertToNormalizedUnits(structure);
    structure.calculateNeighborList(mode.getMaxCutoffRadius(), false);
}

static void list(double const* values, size_t count)
{
    printf("[");
    for (size_t i = 0; i < count; ++i) printf("%s%.17g", i ? "," : "", values[i]);
    printf("]");
}

static void print(Structure const& structure, vector<double> const& atomic, Structure const& raw)
{
    printf("{\"energy\":%.17g,\"atomic_nn\":", structure.energy);
    list(atomic.data(), atomic.size());
    printf(",\"forces\":[");
    for (size_t i = 0; i < atomic.size(); ++i)
    {
        if (i) printf(",");
        list(structure.atoms[i].f.r, 3);
    }
    printf("],\"raw\":[");
    for (size_t i = 0; i < atomic.size(); ++i)
    {
        if (i) printf(",");
        list(raw.atoms[i].G.data(), raw.atoms[i].G.size());
    }
    printf("]}");
}

int main(int, char** words)
{
    string const folder = words[1];
    Mode scaled, plain;
    start(scaled, folder);
    scaled.setupSymmetryFunctionScaling(folder + "/scaling.data");
    scaled.setupNeuralNetworkWeights(folder + "/", {{"short", "weights.%03zu.data"}});
    start(plain, folder);
    plain.setupSymmetryFunctionScalingNone();
    for (Mode* mode : {&scaled, &plain}) mode->setupSymmetryFunctionStatistics(false, false, false, false);

    ifstream file(words[2]);
    printf("[");
    for (bool first = true; file.peek() != EOF; first = false)
    {
        Structure structure;
        structure.setElementMap(scaled.elementMap);
        structure.readFromFile(file);
        Structure raw = structure;
        prepare(scaled, structure);
        scaled.calculateSymmetryFunctionGroups(structure, true);
        scaled.calculateAtomicNeuralNetworks(structure, true);
        scaled.calculateEnergy(structure);
        scaled.calculateForces(structure);
        vector<double> atomic;
        for (auto const& atom : structure.atoms) atomic.push_back(atom.energy);
        if (scaled.useNormalization()) scaled.convertToPhysicalUnits(structure);
        scaled.addEnergyOffset(structure, false);
        prepare(plain, raw);
        plain.calculateSymmetryFunctionGroups(raw, false);
        if (!first) printf(",\n");
        print(structure, atomic, raw);
    }
    printf("]\n");
}
