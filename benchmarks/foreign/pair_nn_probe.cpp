// What SIMPLE-NN's LAMMPS pair style computes, as JSON with all digits:  pair_nn_probe POTENTIAL STRUCTURES ELEMENT...
// Its file pair_nn.cpp is compiled as it is; `lammps_stand_in.h` stands for the headers of LAMMPS. A structure is
// "atoms periodic", nine numbers of the cell, and "element x y z" for each atom.
#include "pair_nn.h"
#include <fstream>
#include <vector>

using namespace LAMMPS_NS;
using namespace std;

static double const REACH = 9.0;  // A, beyond all cutoffs
static int const IMAGES = 6;

struct Cell { double rows[3][3]; };

static double square(double const* a, double const* b)
{
    double sum = 0.0;
    for (int d = 0; d < 3; ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
    return sum;
}

// Atoms of all images within reach, after the atoms themselves, with the number of their original.
static void replicate(Cell const& cell, vector<vector<double>>& places, vector<int>& types, vector<int>& owner)
{
    int const atoms = places.size();
    for (int p = -IMAGES; p <= IMAGES; ++p)
        for (int q = -IMAGES; q <= IMAGES; ++q)
            for (int r = -IMAGES; r <= IMAGES; ++r)
                for (int i = 0; i < atoms && (p || q || r); ++i)
                {
                    vector<double> image(3);
                    for (int d = 0; d < 3; ++d)
                        image[d] = places[i][d] + p * cell.rows[0][d] + q * cell.rows[1][d] + r * cell.rows[2][d];
                    bool near = false;
                    for (int j = 0; j < atoms; ++j) near |= square(image.data(), places[j].data()) < REACH * REACH;
                    if (!near) continue;
                    places.push_back(image);
                    types.push_back(types[i]);
                    owner.push_back(i);
                }
}

int main(int count, char** words)
{
    vector<string> elements(words + 3, words + count);
    ifstream file(words[2]);
    int atoms, periodic;
    printf("[");
    for (bool first = true; file >> atoms >> periodic; first = false)
    {
        Cell cell;
        for (auto& row : cell.rows) for (double& value : row) file >> value;
        vector<vector<double>> places(atoms, vector<double>(3));
        vector<int> types(atoms), owner(atoms);
        for (int i = 0; i < atoms; ++i)
        {
            string symbol;
            file >> symbol >> places[i][0] >> places[i][1] >> places[i][2];
            for (size_t e = 0; e < elements.size(); ++e) if (elements[e] == symbol) types[i] = e + 1;
            owner[i] = i;
        }
        if (periodic) replicate(cell, places, types, owner);

        int const all = places.size();
        vector<double> values(3 * all), energies(all);
        vector<double*> x(all), f(all);
        for (int i = 0; i < all; ++i) { x[i] = places[i].data(); f[i] = &values[3 * i]; }
        vector<vector<int>> neighbours(atoms);
        vector<int> numbers(atoms), sizes(atoms);
        vector<int*> starts(atoms);
        for (int i = 0; i < atoms; ++i)
        {
            for (int j = 0; j < all; ++j)
                if (j != i && square(x[i], x[j]) < REACH * REACH) neighbours[i].push_back(j);
            numbers[i] = i; sizes[i] = neighbours[i].size(); starts[i] = neighbours[i].data();
        }
        NeighList list{atoms, numbers.data(), sizes.data(), starts.data()};
        LAMMPS lammps;
        lammps.atom = Atom{x.data(), f.data(), types.data(), (int)elements.size()};
        PairNN pair(&lammps);
        pair.list = &list;
        pair.eatom = energies.data();
        vector<char*> arguments{words[1], words[1], words[1]};
        for (auto& element : elements) arguments.push_back(&element[0]);
        pair.coeff(arguments.size(), arguments.data());
        pair.compute(1, 0);

        vector<double> forces(3 * atoms);
        for (int i = 0; i < 3 * all; ++i) forces[3 * owner[i / 3] + i % 3] += values[i];
        printf("%s{\"energy\":%.17g,\"forces\":[", first ? "" : ",\n", pair.eng_vdwl);
        for (int i = 0; i < atoms; ++i)
            printf("%s[%.17g,%.17g,%.17g]", i ? "," : "", forces[3 * i], forces[3 * i + 1], forces[3 * i + 2]);
        printf("],\"atomic\":[");
        for (int i = 0; i < atoms; ++i) printf("%s%.17g", i ? "," : "", energies[i]);
        printf("]}");
    }
    printf("]\n");
}
