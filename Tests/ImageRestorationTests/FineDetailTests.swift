import Foundation
import IRTestSupport
import Testing

@testable import IRRestoration

@Suite struct FineDetailTests {
  @Test func slopesAreNotFineAndChessboardsAre() {
    let (width, height) = (40, 30)
    let slope = (0..<(width * height)).map { Float($0 % width) / 40 + Float($0 / width) / 60 }
    let board = (0..<(width * height)).map { ($0 / width + $0 % width) % 2 == 0 ? Float(0.25) : -0.25 }
    let (fineSlope, fineBoard) = (
      FineDetail.of(slope, width: width, height: height), FineDetail.of(board, width: width, height: height)
    )
    for row in 8..<22 {
      for column in 8..<32 {
        let index = row * width + column
        #expect(abs(fineSlope[index]) < 1e-5 && abs(fineBoard[index] - board[index]) < 1e-3)
      }
    }
  }

  /// A wave of f cycles a pixel loses exp(-2 (π f σ)²) of itself to the blur.
  @Test(arguments: [0.02, 0.05, 0.1, 0.2]) func wavesFollowTheGaussiansResponse(frequency: Double) {
    let width = 400
    let wave = (0..<width).map { Float(cos(2 * .pi * frequency * (Double($0) - 200))) }
    let fine = FineDetail.of(wave, width: width, height: 1)
    let share = 1 - exp(-2 * pow(.pi * frequency * FineDetail.deviation, 2))
    #expect(abs(Double(fine[200]) - share) < 0.005)
  }
}
